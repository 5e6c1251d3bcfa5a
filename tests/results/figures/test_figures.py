"""What holds for every figure: a clear refusal, one point, units, and names that people chose."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

import vggsweep
from tests.results.made_tables import GAP, arch_settings, network, results, small_sweep
from vggsweep.errors import NothingToDraw
from vggsweep.results import figures
from vggsweep.results.disk.history import write_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, write_record

Draw = Callable[..., Figure]
FIGURES = {name: getattr(figures, name) for name in figures.__all__ if name.endswith("_figure")}
# These compare trials, and one has nothing to be compared with.
NEED_SEVERAL = ("importance_figure", "missed_images_figure")
# These draw what trials answered to single images; tests/results/figures/test_missed_images.py has some.
NEED_ANSWERS = ("missed_images_figure",)
DRAWN = [name for name in FIGURES if name not in NEED_ANSWERS]
# Parameters, configurations and layers stand beside these, each with its own name.
UNNAMED = ("importance_figure", "standings_figure", "network_figure")
HOSTILE = ("$x_{", "_hidden", "<b>&", "a" * 80)


def with_files(table: pd.DataFrame, folder: Any) -> pd.DataFrame:
    """The table with its directories, records, histories and times."""
    places, starts, ends = [], [], []
    for at, row in enumerate(table.to_dict("records")):
        directory = TrialDirectory(folder / f"{at:05d}")
        directory.path.mkdir(parents=True)
        epochs = int(row.get("epochs_run", 2) or 0)
        if epochs:
            accuracy = row.get("val_acc") or 0.5
            rows = [{"epoch": e, "val_acc": accuracy - 0.1 * (epochs - e)} for e in range(1, epochs + 1)]
            write_history(rows, directory.history)
        configuration = {"arch": arch_settings(row["depth"], row["width"]), "head": GAP}
        state, of_network = str(row["state"]), network(row["depth"], row["width"])
        record = Record("mine", at, state, None, "", configuration, network=of_network, costs=of_network)
        write_record(record, directory.path)
        places.append(str(directory.path))
        starts.append(f"2026-11-01T10:{at:02d}:00+00:00")
        ends.append(f"2026-11-01T10:{at:02d}:30+00:00")
    return table.assign(dir=places, started=starts, ended=ends)


def drawn(figure: Figure) -> str:
    """The figure as SVG; it must draw without a warning."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue()


@pytest.mark.parametrize("name", FIGURES)
def test_figure_of_nothing_is_refused_with_what_is_missing(name: str) -> None:
    for table in (small_sweep().iloc[:0], results({"state": "FAIL", **network(4, 4)})):
        with pytest.raises(NothingToDraw, match=r"^(no |fewer )"):
            FIGURES[name](table)


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in NEED_SEVERAL])
def test_one_point_is_drawn(name: str, tmp_path: Any) -> None:
    one = with_files(results({**network(4, 4), "val_acc": 0.8, "epochs_run": 1}), tmp_path)

    assert "<svg" in drawn(FIGURES[name](one))


@pytest.mark.parametrize("name", DRAWN)
def test_axes_carry_names_and_units(name: str, tmp_path: Any) -> None:
    figure = FIGURES[name](with_files(small_sweep(), tmp_path))
    drawn(figure)
    if name == "parallel_coordinates_figure":  # its vertical axes are named above
        labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    else:
        labels = [figure.axes[0].get_xlabel()]
        labels += [figure.axes[0].get_ylabel()] * (name not in UNNAMED)

    assert all(labels), labels
    units = ("(", "epoch", "share", "lr", "error", "MACs")
    assert all(any(unit in label for unit in units) for label in labels), labels


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("word", HOSTILE)
def test_names_that_people_chose_are_text_and_no_formula(name: str, word: str, tmp_path: Any) -> None:
    table = with_files(small_sweep(), tmp_path)
    table = table.assign(sweep=[word, "plain"] * 6, device=word, latency_ms_p50=1.0)
    table[f"param.{word}"] = [word, "other", "third"] * 4

    assert "<svg" in drawn(FIGURES[name](table))
    if name == "accuracy_cost_figure":
        assert "<svg" in drawn(FIGURES[name](table, "latency_ms_p50"))


@pytest.mark.parametrize("name", DRAWN)
def test_figures_write_nothing_and_leave_the_table_alone(name: str, own_folder: Any, tmp_path: Any) -> None:
    table = with_files(small_sweep(), tmp_path / "kept")
    before, files = table.copy(), sorted(own_folder.rglob("*"))

    FIGURES[name](table)

    pd.testing.assert_frame_equal(table, before)
    assert sorted(own_folder.rglob("*")) == files


def test_figures_are_public() -> None:
    assert vggsweep.figures is figures
    assert "figures" in vggsweep.__all__
    assert all(getattr(figures, name).__doc__ for name in figures.__all__)


def test_depth_lies_across_in_every_figure_that_has_it() -> None:
    table = small_sweep()

    plane, curves = figures.depth_width_figure(table), figures.iso_cost_figure(table)

    for figure in (plane, curves):
        assert figure.axes[0].get_xlabel() == "depth (layers)"
        assert figure.axes[0].get_ylabel() == "width (channels)"
    depths = [int(label.get_text()) for label in plane.axes[0].get_xticklabels()]
    assert depths == sorted(set(table[table["state"] == "COMPLETE"]["depth"]))
