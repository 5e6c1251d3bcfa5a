"""Curves of equal cost, against costs that are counted along them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.results.figures.recorded_trials import SHAPE, configured, network_of, recorded, recorded_trials
from vggsweep.arch.costs import count
from vggsweep.errors import NothingToDraw
from vggsweep.results.figures.iso_cost import iso_cost_curves, iso_cost_figure, networks_on_planes, planes

# Two depths of each family, a width, and the depths between that the family has.
FAMILIES = {
    "vgg_scaled": ((4, 8), 12, range(4, 10)),
    "resnet_scaled": ((8, 20), 12, (8, 14, 20)),
    "regnet": ((4, 6), 24, range(3, 8)),
    "densenet": ((10, 22), 8, (10, 16, 22)),
    "mobilenet": ((8, 10), 24, range(7, 12)),
    "convnext": ((5, 7), 24, range(4, 9)),
    "nin": ((3, 5), 24, range(3, 7)),
    "vit": ((2, 4), 64, range(1, 6)),
    "mlp": ((2, 4), 64, range(1, 6)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_on_a_curve_of_any_family_cost_the_same(family: str, tmp_path: Path) -> None:
    ends, width, depths = FAMILIES[family]
    table = recorded_trials(tmp_path, *((family, {"depth": depth, "width": width}) for depth in ends))
    target = float(table["params"].mean())

    curve = iso_cost_curves(table, "params", [target])

    assert set(curve["depth"]) <= set(depths)
    assert set(curve["depth"]) >= set(ends)
    for depth, real in zip(curve["depth"], curve["width"], strict=True):
        plain = configured(f"arch={family}")
        plain["arch"]["depth"] = depth
        costs = []
        for near in (real * 0.94, real, real * 1.06):
            plain["arch"]["width"] = near
            costs.append(count(network_of(plain), SHAPE.image).params)
        assert costs[0] <= target <= costs[2]
        assert costs[1] == pytest.approx(target, rel=0.2)


def test_a_network_lies_on_the_curve_of_its_own_cost(tmp_path: Path) -> None:
    table = recorded_trials(tmp_path, *(("vgg_scaled", {"depth": depth, "width": 16}) for depth in (4, 8)))

    curves = iso_cost_curves(table, "macs", [float(table["macs"][0])])

    assert curves.loc[curves["depth"] == 4, "width"].tolist() == pytest.approx([16.0], rel=1e-2)


def test_points_are_the_networks_of_a_family_that_cost_the_same_at_the_same_dials(tmp_path: Path) -> None:
    dials = {"depth": 8, "width": 8}
    table = recorded_trials(
        tmp_path,
        ("vgg_scaled", {"depth": 4, "width": 8}),
        ("vgg_scaled", dials),
        ("vgg_scaled", {**dials, "width": 10, "residual": True, "activation": "gelu"}),
        ("vgg_scaled", {**dials, "kernel_size": 5}),
        ("vgg16", {}),
        ("lenet", {}),
    )

    points = networks_on_planes(table)

    assert set(points["arch"]) == {"vgg_scaled"}
    assert points[["depth", "width"]].values.tolist() == [[4, 8], [8, 8], [8, 10]]


def test_of_networks_on_one_point_the_best_is_drawn(tmp_path: Path) -> None:
    dials = {"depth": 16, "width": 8}
    table = recorded_trials(tmp_path, *(("vgg_scaled", {**dials, "residual": has}) for has in (True, False)))

    points = networks_on_planes(table.assign(val_acc=[0.8, 0.6]))

    assert points["val_acc"].tolist() == [0.8]


def test_each_family_has_a_plane_of_its_own(tmp_path: Path) -> None:
    families = ("resnet_scaled", "vgg_scaled", "vgg_scaled", "mlp")
    dialled = ((family, {"depth": 8, "width": 6 + at}) for at, family in enumerate(families))

    figure = iso_cost_figure(recorded_trials(tmp_path, *dialled))

    shown = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert [title for title in shown if title] == ["vgg_scaled", "resnet_scaled", "mlp"]
    assert figure.get_suptitle() == "dashed: equal multiply-accumulates of one image (MACs)"


def test_solved_width_is_a_real_number(tmp_path: Path) -> None:
    plain = configured("arch=vgg_scaled")
    plain["arch"] |= {"depth": 5, "width": 5.28}
    table = recorded(tmp_path, plain)

    assert networks_on_planes(table)["width"].tolist() == [5.28]


@pytest.mark.parametrize("depth", [900, 1999])
def test_very_deep_networks_are_drawn_at_few_depths(depth: int, tmp_path: Path) -> None:
    table = recorded_trials(tmp_path, ("mlp", {"depth": 2}), ("mlp", {"depth": depth}))

    ((plane, _),) = planes(table, "params")

    assert plane.depths == (2, depth)


def test_networks_without_dials_have_no_plane(tmp_path: Path) -> None:
    with pytest.raises(NothingToDraw, match="no finished network has depth and width"):
        iso_cost_curves(recorded_trials(tmp_path, ("lenet", {}), ("vgg16", {})))


def test_networks_of_another_package_have_no_plane(tmp_path: Path) -> None:
    plain = configured("arch=torchvision", "arch.name=resnet18")

    with pytest.raises(NothingToDraw, match="trial 3 is of no family that describes its layers"):
        iso_cost_curves(recorded(tmp_path, plain, costs={"macs": 3}))
