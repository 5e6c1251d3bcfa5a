"""What a sweep leaves behind: table, front, best configurations, and the next command."""

from __future__ import annotations

import io
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from vggsweep.errors import NothingToDraw
from vggsweep.files import write_atomically
from vggsweep.results.disk.yaml_text import yaml_text
from vggsweep.results.figures import accuracy_cost_figure
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.findings.fair_rates import FairComparison, compare_fairly, fair_sentences
from vggsweep.results.findings.standing import describe_network
from vggsweep.results.findings.verdict import equal_cost_groups
from vggsweep.results.statistics.front import data_sets, pareto_front
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.tables.formats import csv_text
from vggsweep.results.tables.table import load_plain, without_empty
from vggsweep.results.units import short_count
from vggsweep.sweep.display.infeasible import infeasible_lines
from vggsweep.sweep.display.logged_report import log_report
from vggsweep.sweep.display.progress import state_counts
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.scheduling.front import best_trials
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.file_lock import claim
from vggsweep.sweep.storage.trial_attrs import counted, shown_parameters
from vggsweep.visible import visible_lines

if TYPE_CHECKING:
    import pandas as pd

# The column that a picture sets accuracy against when the objective names no cost.
DEFAULT_COST = "macs"
# A front of more points is told by `vggsweep pareto`.
FRONT_LINES = 20


def conclude(spec: SweepSpec, outcome: WorkerOutcome) -> str:
    """Write table.csv, front.png and optimization_results.yaml, and say how the sweep ended.

    Returns:
        A few lines for a person.
    """
    directory = spec.directory
    accuracy = spec.metrics[0].name
    cost = spec.metrics[1].name if len(spec.metrics) > 1 else DEFAULT_COST
    plain = without_empty(load_plain([directory.path]))
    write_atomically(directory.table, csv_text(plain))
    evidence = load_evidence([directory])
    table, fair = evidence.table, compare_fairly(evidence, cost, accuracy)
    has_points = {cost, accuracy} <= set(table.columns) and bool(
        table[[cost, accuracy]].notna().all(axis=1).any()
    )
    if has_points:
        try:
            picture = io.BytesIO()
            drawn = fair.own if fair is not None and fair.has_compared else table
            accuracy_cost_figure(drawn, cost, accuracy).savefig(picture, format="png", dpi=150)
            write_atomically(directory.front, picture.getvalue())
        except NothingToDraw:  # nothing but failed trials, which reached an accuracy before they failed
            has_points = False
    study = spec.open_study()
    best = best_trials(study, spec.fair, directory)
    trials = study.get_trials(deepcopy=False)
    closing: dict[str, Any] = {"ended": outcome.reason}
    if infeasible := infeasible_lines(trials):  # no record tells of them
        closing["infeasible"] = infeasible
    write_atomically(directory.best, yaml_text({**_results(spec, best.trials), **closing}))
    found = state_counts(trials)
    words = {"RUNNING": "unfinished"}  # another host may train them
    counts = ", ".join(f"{count} {words.get(state, state)}" for state, count in found.items())
    lines = [f"Sweep {spec.name}: {outcome.reason} ({counts or 'nothing finished'})."]
    if fair is not None:
        lines += fair_lines(fair)
    elif has_points:
        lines += front_lines(spec.name, table, cost, accuracy)
    remainder = None if outcome.is_early or spec.settings.stop else spec.extent.remainder(trials)
    if remainder is not None:
        lines.append(f"  space     {remainder}")
    if set(found) - {"RUNNING"}:
        lines.append(f"  table     {directory.table}")
    if has_points:
        lines.append(f"  picture   {directory.front}")
    if best.trials:
        rule = f"  ({best.rule})" if best.rule else ""
        lines.append(f"  best      {directory.best}{rule}")
    if found.get("FAIL"):
        lines.append(f"  again     vggsweep rerun {shlex.quote(spec.name)}")
    if outcome.is_early:
        lines.append(f"  continue  {spec.command}")
    else:
        lines.append(f"  next      vggsweep table {shlex.quote(spec.name)}")
    return visible_lines("\n".join(lines))


def close_in_turn(spec: SweepSpec, outcome: WorkerOutcome) -> None:
    """Write the closing files as one of several workers that find the sweep over, each at its own time.

    One of them writes; another that comes meanwhile leaves it to that one to write once more.
    """
    wanted, lock = (spec.directory.workers / name for name in ("closing.wanted", "closing.lock"))
    wanted.touch()
    while wanted.exists() and (turn := claim(lock)) is not None:
        try:
            wanted.unlink(missing_ok=True)
            print(conclude(spec, outcome), flush=True)
            log_report(spec, outcome)
        finally:
            turn.release()


def has_completed(spec: SweepSpec) -> bool:
    """Whether the sweep has any result to show for itself."""
    trials = spec.open_study().get_trials(deepcopy=False)
    return any(trial.state is TrialState.COMPLETE for trial in counted(trials))


def _results(spec: SweepSpec, best: Sequence[optuna.trial.FrozenTrial]) -> dict[str, Any]:
    """As the stock sweeper writes it, with trial numbers and directories beside."""
    solutions: list[dict[str, Any]] = [
        {
            "trial": trial.number,
            "params": shown_parameters(trial),
            "values": [float(value) for value in trial.values],
            "dir": str(spec.directory.trial(trial.number).path),
        }
        for trial in best
    ]
    results: dict[str, Any] = {
        "name": "vggsweep",
        "objectives": [{"name": m.name, "direction": m.direction.name.lower()} for m in spec.metrics],
    }
    if len(spec.metrics) == 1 and len(solutions) == 1:
        best_one = solutions[0]
        results |= {
            "best_trial": best_one["trial"],
            "best_params": dict(best_one["params"]),  # a copy: YAML would write an alias
            "best_value": best_one["values"][0],
        }
    return results | {"solutions": solutions}


def fair_lines(found: FairComparison) -> list[str]:
    """Each network's own learning rate, and both verdicts side by side."""
    lines = ["  own rate  accuracy at the common rate and at the network's own, on fresh seeds:"]
    for one in found.rates:
        common, own = ("-" if value is None else f"{value:.4f}" for value in (one.at_common, one.at_own))
        lines.append(f"            {one.name:<24}  lr {one.best.rate:<8g}  {common:>6}  {own:>6}")
    lines += [f"  caution   {warning}" for warning in found.warnings]
    if not found.has_compared:
        return [*lines, "  verdict   nothing is compared yet: raise n_trials and continue"]
    return lines + [f"  verdict   {where}: {answer}" for where, answer in fair_sentences(found)]


def front_lines(name: str, table: pd.DataFrame, cost: str, accuracy: str = "val_acc") -> list[str]:
    """The front of the configurations, or all where they cost the same; each with the mean over its seeds.

    Accuracies on different images do not compare: each set of images has lines of its own.
    """
    sets = data_sets(table)
    with_results = sets[table["state"] == "COMPLETE"].unique()
    if len(with_results) > 1:
        lines = ["  images    validation images differ, and accuracies on them do not compare"]
        for one in with_results:
            lines += [f"  on {one}:", *front_lines(name, table[sets == one], cost, accuracy)]
        return lines
    means = mean_over_seeds(table)
    finished = means[(means["state"] == "COMPLETE") & means[accuracy].notna()]
    equal, groups = equal_cost_groups(finished, cost) or (None, ())
    if equal is None:
        shown = means[pareto_front(means, cost, accuracy)].sort_values([cost, "trial"])
        lines = [f"  front     accuracy against {cost}:"]
    else:  # a front would name the cheapest of networks that cost the same
        ordered = [one.sort_values([accuracy, "trial"], ascending=[False, True]) for one in groups]
        shown = finished.loc[[label for one in ordered for label in one.index]]
        which = "" if len(groups) == 1 else ", one budget after the other"
        lines = [f"  networks  of equal {equal}{which}, the most accurate first:"]
    varied = varied_settings(means)
    points = list(shown.groupby([cost, accuracy], sort=False))
    for _, equals in points[:FRONT_LINES]:
        row = equals.iloc[0]
        settings = describe_network(row, varied)
        several = f"  mean of {row['seeds']} seeds" if row["seeds"] > 1 else ""
        as_good = f"  (and {len(equals) - 1} just as good)" if len(equals) > 1 else ""
        lines.append(
            f"            trial {row['trial']:>3}  {accuracy} {row[accuracy]:.4f}  {cost} "
            f"{short_count(row[cost]):>6}  {settings}{several}{as_good}"
        )
    if len(points) > FRONT_LINES:
        y = "" if accuracy == "val_acc" else f" --y {accuracy}"
        rest = f"pareto {name} --x {cost}{y}" if equal is None else f"table {name} --sort -{accuracy}"
        lines.append(f"            {len(points) - FRONT_LINES} more: vggsweep {rest}")
    return lines
