"""What docs/results.md shows is what happens."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.results.columns import documentation
from vggsweep.results.tables.formats import FORMATS, SUFFIXES

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
# depth, width, MACs, val_acc, train_seconds
TRIALS = [
    (4, 8, 959_104, 0.80, 3.0),
    (4, 16, 3_687_680, 0.84, 4.0),
    (8, 8, 2_432_512, 0.88, 5.0),
    (8, 16, 9_525_760, 0.87, 6.0),
]


@pytest.fixture
def quickstart(write: Callable[..., Path], own_folder: Path) -> None:
    """``outputs/quickstart`` with the trials that the page shows."""
    for number, (depth, width, macs, val_acc, seconds) in enumerate(TRIALS):
        write(
            own_folder / "outputs" / "quickstart",
            number,
            network={"depth": depth, "width": width},
            costs={"macs": macs},
            metrics={"val_acc": val_acc},
            timings={"train_seconds": seconds},
        )


@pytest.mark.usefixtures("quickstart")
def test_examples_of_the_page_run() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)

    assert found.attempted >= 5
    assert found.failed == 0


def test_table_of_columns_is_that_of_the_registry() -> None:
    is_same = documentation() in PAGE.read_text(encoding="utf-8")

    assert is_same, "put the table that `python -m vggsweep.results.columns` prints into docs/results.md"


def test_page_names_every_format_and_suffix() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())

    assert set(FORMATS) <= set(text.split("`--format` is one of `")[1].split("`")[0].split())
    assert set(SUFFIXES) == set(text.split("takes it from `")[1].split("`")[0].split())
