"""What each experiment compares, said by the networks that it composes."""

from __future__ import annotations

import pytest

from tests.orders import read_spec
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.network import ConfiguredNetwork, configured_network
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import InfeasibleConfig
from vggsweep.sweep.spec.spec import SweepSpec


def spec_of(*words: str) -> SweepSpec:
    return read_spec(words)


def networks(spec: SweepSpec) -> dict[str, ConfiguredNetwork]:
    """The network at every feasible point, by the values of the point."""
    composer, found = spec.composer, {}
    for point in spec.space.points():
        configuration = read_configuration(composer.compose(spec.space.words(point)))
        try:
            check_configuration(configuration)
        except InfeasibleConfig:
            continue
        found[" ".join(map(str, point.values()))] = configured_network(configuration)
    return found


@pytest.mark.parametrize(
    "name", ["depth_width", "iso_macs", "iso_macs_fair", "iso_params", "deep_vs_shallow", "vgg_depth_ladder"]
)
def test_a_mini_form_asks_the_same_question_of_the_images_that_ship(name: str) -> None:
    whole, mini = spec_of(f"experiment={name}"), spec_of(f"experiment={name}_mini")

    assert whole.base["dataset"]["name"] == "fashion_mnist"
    assert mini.base["dataset"]["name"] == "fashion_mnist_mini"
    assert whole.space.distributions.keys() == mini.space.distributions.keys()
    assert (whole.objective, whole.pruner) == (mini.objective, mini.pruner)
    for spec in (whole, mini):
        assert spec.base["dataset"]["resolution"] == 32
        assert spec.base["head"]["name"] == "gap"
        assert spec.base["arch"]["batch_norm"] is True
        assert spec.base["sweep"]["name"] in (name, f"{name}_mini")


@pytest.mark.parametrize("name", ["iso_macs", "iso_macs_mini", "iso_params", "iso_params_mini"])
def test_every_depth_of_an_equal_cost_sweep_meets_its_budget_under_each_seed(name: str) -> None:
    spec = spec_of(f"experiment={name}")
    found = networks(spec)
    cost = name.removeprefix("iso_").removesuffix("_mini")

    assert len(found) == spec.space.size, "no depth is infeasible at the target that ships"
    assert spec.settings.n_trials == len(found) * spec.settings.replicates
    assert spec.settings.replicates >= 2
    for network in found.values():
        target = spec.base["budget"]["target"]
        assert getattr(network.costs, cost) == pytest.approx(target, rel=0.02)


@pytest.mark.parametrize(
    ("name", "width"), [("deep_vs_shallow", None), ("deep_vs_shallow_mini", None), ("deep_vs_shallow", 64)]
)
def test_b_meets_its_shallow_rival_as_published_and_at_equal_cost(name: str, width: int | None) -> None:
    spec = spec_of(f"experiment={name}", *([] if width is None else [f"arch.width={width}"]))
    found = networks(spec)

    assert list(found) == ["deep", "shallow", "shallow_equal_macs", "shallow_equal_conv_params"]
    assert spec.settings.n_trials == len(found) * spec.settings.replicates
    deep, shallow, at_macs, at_conv_params = (network.costs for network in found.values())
    assert (deep.depth, *(costs.depth for costs in (shallow, at_macs, at_conv_params))) == (10, 5, 5, 5)
    assert shallow.width == deep.width
    assert at_macs.macs == pytest.approx(deep.macs, rel=0.02)
    assert at_conv_params.conv_params == pytest.approx(deep.conv_params, rel=0.02)


def test_the_contenders_are_the_papers_nets_at_its_width() -> None:
    # The paper's B and its rival, but for the head: convolution parameters of table 2 in exact form.
    found = networks(
        spec_of("experiment=deep_vs_shallow", "arch.width=64", "dataset=cifar10", "dataset.resolution=224")
    )

    assert found["deep"].costs.conv_params == 9_404_992
    assert found["shallow"].costs.conv_params == 10_860_672


def test_a_single_run_of_deep_vs_shallow_trains_the_deep_net() -> None:
    spec = spec_of("experiment=deep_vs_shallow")

    assert (spec.base["arch"]["depth"], spec.base["arch"]["kernel_size"]) == (10, 3)


@pytest.mark.parametrize(
    "name", ["vgg_depth_ladder", "resolution", "alexnet_vs_vgg", "lean_head", "compound"]
)
def test_every_point_of_a_question_is_a_network_under_each_seed(name: str) -> None:
    whole, mini = spec_of(f"experiment={name}"), spec_of(f"experiment={name}_mini")

    assert whole.space.distributions.keys() == mini.space.distributions.keys()
    assert whole.objective == mini.objective
    assert whole.base["dataset"]["name"] == "fashion_mnist"
    assert mini.base["dataset"]["name"] == "fashion_mnist_mini"
    for spec in (whole, mini):
        assert len(networks(spec)) == spec.space.size
        assert spec.settings.n_trials == (spec.space.size or 0) * spec.settings.replicates


def test_the_ladders_nets_at_the_papers_width_are_the_papers() -> None:
    # parameters of torchvision's vgg11, vgg13, vgg16, vgg19 before their heads; C is the preset of table 1
    found = networks(spec_of("experiment=vgg_depth_ladder", "arch.width=64", "dataset=cifar10"))
    preset = spec_of("arch=vgg_c", "head=gap", "dataset=cifar10", "optimizer.lr=0.1,0.2")
    (net_c, _) = networks(preset).values()

    assert [found[f"net_{one}"].costs.conv_params for one in "abde"] == [
        *(9_220_480, 9_404_992, 14_714_688, 20_024_384)
    ]
    assert found["net_c"].costs.conv_params == net_c.costs.conv_params
    assert found["net_c"].costs.depth == 13


@pytest.mark.parametrize("name", ["compound", "compound_mini"])
def test_depth_and_resolution_share_one_budget_and_another_of_twice_the_macs(name: str) -> None:
    found = networks(spec_of(f"experiment={name}"))
    macs: dict[float, list[float]] = {}
    for point, network in found.items():
        macs.setdefault(float(point.split()[0]), []).append(network.costs.macs)
    low, high = sorted(macs)

    assert high == 2 * low
    for target, costs in macs.items():
        assert costs == pytest.approx([target] * len(costs), rel=0.06)


@pytest.mark.parametrize("name", ["iso_macs_fair", "iso_macs_fair_mini"])
def test_fair_rates_are_searched_for_every_depth_and_all_are_compared(name: str) -> None:
    spec = spec_of(f"experiment={name}")
    found = networks(spec)
    depths = {network.costs.depth for network in found.values()}

    assert len(found) == spec.space.size, "no depth is infeasible at the target that ships"
    assert spec.settings.fair_lr is not None
    assert spec.settings.n_trials == len(found) + 2 * len(depths) * spec.settings.fair_lr
    rates = sorted({float(point.split()[1]) for point in found})
    assert rates[0] < spec.base["optimizer"]["lr"] < rates[-1]
