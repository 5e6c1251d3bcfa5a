"""What a front runs through, in words that its networks bear out."""

from __future__ import annotations

from tests.results.made_tables import network, results
from vggsweep.results.statistics.front_summary import front_course


def test_a_front_that_gets_shallower_as_it_gets_dearer_is_not_said_to_get_deeper() -> None:
    # the deepest network is the cheapest of the front, and the shallowest the dearest
    shapes = ((16, 4, 0.80), (10, 6, 0.84), (4, 12, 0.88))
    rows = [
        network(depth, width) | {"val_acc": acc, "macs": 1e6 * at}
        for at, (depth, width, acc) in enumerate(shapes, 1)
    ]

    said = front_course(results(*rows))

    assert said == (
        "The front of 3 networks runs through depth 4 to 16 (of 4 to 16) and width 4 to 12 (of 4 to 12)."
    )


def test_a_front_that_deepens_with_its_cost_is_said_to() -> None:
    rows = [network(depth, 8) | {"val_acc": 0.8 + depth / 100} for depth in (4, 8, 16)]
    rows.append(network(4, 16) | {"val_acc": 0.5})

    assert front_course(results(*rows)).endswith(": as it gets dearer it gets deeper, hardly wider.")


def test_of_several_families_the_front_names_those_and_no_depths() -> None:
    rows = [
        network(4, 4) | {"val_acc": 0.8},
        network(8, 8) | {"val_acc": 0.9, "arch": "resnet_scaled"},
        network(9, 8) | {"val_acc": 0.7, "arch": "densenet"},
    ]

    assert front_course(results(*rows)) == (
        "The front runs through resnet_scaled and vgg_scaled (of 3 families)."
    )
