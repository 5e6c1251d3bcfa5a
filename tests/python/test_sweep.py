"""A sweep as Python reads it."""

from __future__ import annotations

import html
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import vggsweep
from vggsweep.errors import ConfigError, RecordError
from vggsweep.python import calls
from vggsweep.results import figures

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def test_table_and_front_are_those_of_the_verbs(quickstart: Path) -> None:
    sweep = vggsweep.open_sweep("quickstart")
    table = sweep.table()
    assert table.equals(vggsweep.load_sweep("quickstart"))
    assert len(sweep.table("depth == 3")) == 2

    front = sweep.front()

    assert sorted(front["trial"]) == sorted(table["trial"][vggsweep.pareto_front(table)])
    assert front["macs"].is_monotonic_increasing
    assert front["val_acc"].is_monotonic_increasing
    with pytest.raises(ConfigError, match="no column 'mac'. Did you mean 'macs'"):
        sweep.front("mac")


@pytest.mark.parametrize("name", ["accuracy_cost", "learning_curves", "depth_width_figure"])
def test_figures_are_drawn_by_name(quickstart: Path, name: str) -> None:
    assert isinstance(vggsweep.open_sweep("quickstart").figure(name), Figure)


def test_misspelt_figure_or_option_is_refused_with_the_near_match(quickstart: Path) -> None:
    sweep = vggsweep.open_sweep("quickstart")
    with pytest.raises(ConfigError, match="Did you mean 'accuracy_cost'") as refusal:
        sweep.figure("acuracy_cost")
    for function in figures.__all__:
        assert not function.endswith("_figure") or function.removesuffix("_figure") in str(refusal.value)
    with pytest.raises(ConfigError, match="accuracy_cost has no option 'averages'. Did you mean 'average'"):
        sweep.figure("accuracy_cost", averages=False)


def test_report_is_written_beside_the_sweep_or_where_asked(quickstart: Path, own_folder: Path) -> None:
    sweep = vggsweep.open_sweep(quickstart)
    assert sweep.report() == quickstart / "report.html"
    assert "quickstart" in (quickstart / "report.html").read_text()
    assert sweep.report("mine.html", where="depth == 3") == own_folder / "mine.html"


def test_best_trial_has_the_highest_accuracy(quickstart: Path) -> None:
    sweep = vggsweep.open_sweep()
    best = sweep.best()
    assert best.val_acc == sweep.table()["val_acc"].max()
    assert repr(best) == f"<Trial quickstart/{best.number}: COMPLETE, val_acc {best.val_acc:.4f}>"
    assert sweep.trial(best.number).record == best.record
    with pytest.raises(RecordError, match="Trial 9 of quickstart has no record. Those that have: 0, 1, 2, 3"):
        sweep.trial(9)


def test_verdict_is_that_of_the_report(quickstart: Path) -> None:
    sweep = vggsweep.open_sweep("quickstart")

    verdict = sweep.verdict()

    assert verdict.question == "Is a deeper or a wider network the better buy on fashion_mnist_mini?"
    assert len(verdict.standings[0]) == 4
    assert html.escape(verdict.answer, quote=False) in sweep.report().read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="has no column 'mac'"):
        sweep.verdict(x="mac")


def test_without_weights_the_call_that_keeps_them_is_named_and_works(quickstart: Path) -> None:
    sweep = vggsweep.open_sweep("quickstart")
    with pytest.raises(RecordError, match="No trial of quickstart keeps its weights") as refusal:
        sweep.best_model()
    call = str(refusal.value).splitlines()[-1].strip()
    assert call.startswith("vggsweep.train([")

    model = eval(call)

    assert len(model.class_names) == 10
    again = vggsweep.open_sweep("again")
    assert again.best().record.configuration_hash != ""
    assert again.best().val_acc == sweep.best().val_acc
    assert again.best_model().class_names == model.class_names


def test_notebook_shows_the_best_trials(quickstart: Path) -> None:
    shown = vggsweep.open_sweep("quickstart")._repr_html_()
    assert shown.startswith("<p>Sweep quickstart: 4 COMPLETE</p><table")
    for column in ("trial", "depth", "width", "val_acc", "macs"):
        assert f"<th>{column}</th>" in shown
    assert "<th>seed</th>" not in shown


@pytest.mark.parametrize("kind", [vggsweep.Sweep, vggsweep.Trial])
def test_documentation_names_every_method(kind: type) -> None:
    names = [
        name for name in (*vars(kind), *getattr(kind, "__annotations__", ())) if not name.startswith("_")
    ]
    assert len(names) > 5
    for name in names:
        assert f"`.{name}" in DOCUMENTATION, name


def test_missing_sweep_is_refused_with_those_that_are_there(quickstart: Path) -> None:
    with pytest.raises(ConfigError, match="No sweep 'quickstrat'.*Did you mean 'quickstart'"):
        vggsweep.open_sweep("quickstrat")


def test_package_shows_its_public_names_and_nothing_else_and_loads_no_torch(quickstart: Path) -> None:
    assert dir(vggsweep) == sorted(vggsweep.__all__)
    for name in dir(vggsweep):
        assert getattr(vggsweep, name) is not None
    assert inspect.signature(vggsweep.sweep) == inspect.signature(calls.sweep)
    script = f"""
import sys, vggsweep
print(vggsweep.open_sweep({str(quickstart)!r}), callable(vggsweep.sweep), "torch" in sys.modules)
import vggsweep.sweep.stagewise
print(callable(vggsweep.sweep))
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "<Sweep quickstart: 4 COMPLETE> True False\nTrue\n"
