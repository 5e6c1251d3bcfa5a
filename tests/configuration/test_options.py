"""Every option of every group composes, is typed, and passes the checks; every field is explained."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from torch import nn

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.logger_settings import PACKAGES
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import FIXED_GROUPS, NODES, Configuration

CONF = Path(__file__).parents[2] / "conf"
Configured = Callable[..., Configuration]
# They set fields of other groups and have no node of their own.
GLOBAL_GROUPS = {"experiment", "contender"}
# What an option needs besides itself.
COMPANIONS = {
    ("arch", "alexnet"): ["dataset.resolution=224"],
    ("arch", "custom"): [f"arch.target={__name__}.network"],
    ("optimizer", "custom"): ["optimizer.target=torch.optim.Adam"],
    ("optimizer", "torch"): ["optimizer.name=NAdam"],
    ("scheduler", "torch"): ["scheduler.name=CosineAnnealingLR"],
    ("scheduler", "custom"): [
        "scheduler.target=torch.optim.lr_scheduler.StepLR",
        "+scheduler.options.step_size=2",
    ],
    ("loss", "custom"): ["loss.target=torch.nn.CrossEntropyLoss"],
    ("dataset", "custom"): [f"dataset.target={__name__}.squares", "dataset.channels=1"],
    ("head", "native"): ["arch=lenet"],
    ("logger", "custom"): ["logger.custom.target=my_loggers.MyLogger"],
    ("contender", "shallow_equal_macs"): ["arch.width=16"],
    ("contender", "shallow_equal_conv_params"): ["arch.width=16"],
    ("budget", "macs"): ["budget.target=30e6"],
    ("budget", "params"): ["budget.target=300e3"],
    ("budget", "conv_params"): ["budget.target=300e3"],
    ("budget", "activations"): ["budget.target=100e3"],
}


def options() -> list[tuple[str, str]]:
    """(group, option) of our own groups; Hydra's lie deeper."""
    return sorted((path.parent.name, path.stem) for path in CONF.glob("*/*.yaml"))


def network(channels: int, num_classes: int) -> nn.Module:
    """A network of one's own."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))


def squares() -> tuple[np.ndarray[Any, Any], ...]:
    """A data set of one's own."""
    images = np.arange(400, dtype=np.uint16)[:, None, None].repeat(8, 1).repeat(8, 2)
    return images.astype(np.uint8), np.arange(400) % 2, images[:2].astype(np.uint8), np.arange(2)


def one_layer(channels: int, num_classes: int) -> nn.Module:
    """A network of one's own."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures, and a data root in which it is the data set EuroSAT."""
    home = tmp_path_factory.mktemp("home")
    for name in ("cats", "dogs"):
        (home / "pictures" / name).mkdir(parents=True)
        for number in range(100):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(home / "pictures" / name / f"{number}.png")
    (home / "eurosat").mkdir()
    (home / "eurosat/2750").symlink_to(home / "pictures")
    return home / "pictures"


@pytest.mark.parametrize(("group", "option"), options())
def test_every_option_composes_and_passes_the_checks(
    configured: Configured, pictures: Path, own_folder: Path, group: str, option: str
) -> None:
    needs = list(COMPANIONS.get((group, option), []))
    if option == "image_folder":
        needs += [f"dataset.root='{pictures}'"]
    if (group, option) == ("dataset", "torchvision"):
        needs += ["dataset.name=EuroSAT", f"dataset.root='{pictures.parent}'"]
    if option == "arrays":
        np.savez(own_folder / "file.npz", **dict(zip(("x_train", "y_train"), squares(), strict=False)))
        needs += [f"dataset.path='{own_folder / 'file.npz'}'", "dataset.channels=1"]
    if option == "huggingface":
        pytest.importorskip("datasets", reason="pip install 'vggsweep[huggingface]'")
        needs += [f"dataset.path='{pictures}'"]

    configuration = configured(f"{group}={option}", *needs)
    if group == "logger" and find_spec(PACKAGES.get(option, "vggsweep")) is None:
        pytest.skip(f"{option} is not installed")

    if option == "timm" and find_spec("timm") is None:
        pytest.skip("timm is not installed")

    check_configuration(configuration)
    if group not in GLOBAL_GROUPS:
        node = getattr(configuration, group)
        assert getattr(node, "name", option) in (
            *(option, "resnet18", "default", "EuroSAT", "NAdam", "CosineAnnealingLR"),
            getattr(node, "target", None),
        )
    assert input_shape(configuration).num_classes >= 2


@pytest.mark.parametrize("experiment", ["d2l_vgg", "d2l_vgg_fast"])
@pytest.mark.parametrize(
    "arch", [option for group, option in options() if group == "arch" and option.startswith("vgg")]
)
def test_every_vgg_type_network_joins_the_chapters_experiments(
    configured: Configured, experiment: str, arch: str
) -> None:
    configuration = configured(f"experiment={experiment}", f"arch={arch}")

    check_configuration(configuration)
    assert (configuration.arch.name, configuration.head.name) == (arch, "vgg")


@pytest.mark.parametrize("arch", ["alexnet", "lenet"])
def test_networks_with_a_head_of_their_own_join_the_chapters_recipe(
    configured: Configured, arch: str
) -> None:
    configuration = configured("experiment=d2l_vgg", f"arch={arch}", "head=native")

    check_configuration(configuration)
    assert configuration.arch.init == "xavier_uniform"  # type: ignore[union-attr]


def test_every_group_of_the_tree_is_known_to_the_schema() -> None:
    groups = {group for group, _ in options()} - GLOBAL_GROUPS

    assert groups | {"sweep", "seed", "device"} == set(NODES)
    assert groups >= set(FIXED_GROUPS) - {"sweep"}


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_field_is_explained_by_a_comment(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert lines[0].startswith("#"), "the file says in its first line what it is"
    if path.parent.name == "experiment" or "hydra" in path.relative_to(CONF).parts[:1]:
        return
    bare = [line for line in lines if is_field(line) and not has_comment(line)]
    assert [line for line in bare if not (path.name == "config.yaml" and is_below_hydra(line, path))] == []


def is_field(line: str) -> bool:
    """A line that gives a leaf a value: not a heading, not a defaults entry, not a comment."""
    return re.match(r"\s*[\w.]+:\s*[^\s#]", line) is not None


def has_comment(line: str) -> bool:
    return re.search(r"\s#\s?\S", line) is not None


def is_below_hydra(line: str, path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return text.index(f"\n{line}") > text.index("\nhydra:")


def test_defaults_of_the_documentation_hold(configured: Configured) -> None:
    configuration = configured()

    assert configuration.arch.name == "vgg_scaled"
    assert (configuration.head.name, configuration.dataset.name) == ("gap", "fashion_mnist_mini")
    assert configuration.arch.batch_norm is True  # type: ignore[union-attr]
    assert (configuration.dataset.resolution, configuration.train.precision) == (32, "auto")
    assert configuration.sweep.name is None


def test_yaml_files_hold_no_duplicate_keys() -> None:
    class Strict(yaml.SafeLoader):
        pass

    def no_duplicates(loader: Any, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return dict(loader.construct_pairs(node, deep=deep))

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, no_duplicates)
    for path in CONF.rglob("*.yaml"):
        yaml.load(path.read_text(encoding="utf-8"), Strict)
