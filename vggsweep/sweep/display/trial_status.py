"""One trial on a terminal: how far it is, how good, who trains it, what it left on disk."""

from __future__ import annotations

import optuna
from rich.console import Console
from rich.text import Text

from vggsweep.errors import RecordError
from vggsweep.files import size_text
from vggsweep.results.disk.choice import number_of, sweep_of
from vggsweep.results.disk.history import finished_epochs
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.results.units import swept_words
from vggsweep.sweep.display.progress import running_trial, state_name
from vggsweep.sweep.storage.trial_attrs import is_in_progress, shown_parameters
from vggsweep.visible import visible


def show_trial(place: TrialDirectory, console: Console, study: optuna.Study | None = None) -> None:
    """Print what is known of a trial, running or finished.

    Args:
        place: its directory.
        console: where to.
        study: of its sweep, for a trial without a record; None where there is none.
    """
    sweep, number = sweep_of(place), number_of(place)
    record = None
    said = []
    if place.record.is_file():
        try:
            record = read_record(place.record)
        except RecordError as error:
            said.append(f"damaged   {error}")
    lines = _of_record(record, place) if record is not None else _of_study(study, sweep, number, place)
    state = record.state if record is not None else "no result yet"
    console.print(Text.assemble((visible(f"{sweep.name}/{number}"), "bold"), f"  {state}"), soft_wrap=True)
    files = [path for path in sorted(place.path.iterdir()) if path.is_file()]
    sizes = [(path.name, path.stat().st_size) for path in files]
    listed = ", ".join(f"{name} {size_text(size)}" for name, size in sizes if size)
    for line in [*said, *lines, f"files     {place.path}", *([f"          {listed}"] if listed else [])]:
        console.print(Text(visible(f"  {line}")), soft_wrap=True)


def _of_record(record: Record, place: TrialDirectory) -> list[str]:
    metrics, costs, timings = record.metrics, record.costs, record.timings
    words = swept_words(record.swept) or " ".join(
        word for word in record.overrides if not word.startswith("sweep.name=")
    )
    accuracies = [
        f"{name} {metrics[name]:.4f}" for name in ("val_acc", "train_acc", "test_acc") if name in metrics
    ]
    found = {
        "settings": words,
        "reason": record.reason,
        "epochs": _epochs(record, place),
        "accuracy": "  ".join(accuracies),
        "cost": "  ".join(f"{costs[name]:,} {name}" for name in ("macs", "params") if name in costs),
        "time": f"{timings['train_seconds']:,.1f} s of training" if "train_seconds" in timings else None,
    }
    lines = [f"{name:9} {text}" for name, text in found.items() if text]
    return lines + [f"note      {note}" for note in record.notes]


def _epochs(record: Record, place: TrialDirectory) -> str:
    train = record.configuration.get("train")
    asked = train.get("epochs") if isinstance(train, dict) else None
    ran = record.metrics.get("epochs_run", len(finished_epochs(place.history)))
    return f"{ran}" + (f" of {asked}" if asked is not None else "")


def _of_study(
    study: optuna.Study | None, sweep: SweepDirectory, number: int, place: TrialDirectory
) -> list[str]:
    """What the study knows of a trial that has no record."""
    trials = study.get_trials(deepcopy=False) if study is not None else []
    if number >= len(trials):
        return [f"epochs    {len(finished_epochs(place.history))}"]
    trial = trials[number]
    lines = [f"settings  {swept_words(shown_parameters(trial))}"]
    if not is_in_progress(trial):
        return [*lines, f"study     {state_name(trial) or 'knows nothing of it'}"]
    running = running_trial(sweep, trial)
    after = f", val_acc {running.val_acc:.4f} after it" if running.val_acc is not None else ""
    return [*lines, f"epochs    {running.epoch}{after}", f"worker    {running.worker_words}"]
