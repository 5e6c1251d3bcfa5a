"""What the page shows of a sweep at one moment, as plain values for JSON."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from vggsweep.results.units import short_count, swept_words
from vggsweep.sweep.display.live import time_left
from vggsweep.sweep.display.progress import RunningTrial, SweepProgress
from vggsweep.sweep.status import SweepStatus, count_words
from vggsweep.sweep.storage.trial_attrs import shown_parameters
from vggsweep.visible import visible

WAITING, TRAINING, IDLE, DONE = "waiting", "training", "idle", "done"
# A curve of some hundred epochs looks the same in so many points.
MOST_POINTS = 120


@dataclass(frozen=True)
class RunningRow:
    """A trial without a result.

    Args:
        trial, epoch, val_acc: numbers; ``val_acc`` None before the first epoch.
        worker, device, parameters: texts.
        seconds: since its worker began it, or began it again; None where its files are not here.
        is_owned: whether a living worker trains it.
        curve: val_acc after each epoch so far.
    """

    trial: int
    worker: str
    device: str
    epoch: int
    val_acc: float | None
    seconds: float | None
    parameters: str
    is_owned: bool
    curve: tuple[float, ...]


@dataclass(frozen=True)
class PageState:
    """A sweep at one moment.

    Args:
        name: the sweep's, or what is waited for.
        phase: waiting, training, idle or done.
        message: a sentence about the phase; empty while it trains.
        done, total: trials that count; ``total`` None where nothing says.
        counts: trials by state, as words.
        left: time until the end, as words.
        best: the most accurate trial so far, as words.
        running: trials without a result.
        notes: damage, failures and faults, a line each.
        report: names the drawn report, another one for each drawing; None before the first.
        curves: names the drawn learning curves of running trials, another one for each drawing; None where
            those of the report are all there are.
        has_optuna: whether Optuna's own dashboard shows the study.
    """

    name: str
    phase: str
    message: str
    done: int = 0
    total: int | None = None
    counts: str = ""
    left: str = ""
    best: str = ""
    running: tuple[RunningRow, ...] = ()
    notes: tuple[str, ...] = ()
    report: str | None = None
    curves: str | None = None
    has_optuna: bool = False


def page_state(name: str, status: SweepStatus, ended: str | None) -> PageState:
    """The state of a sweep whose study could be read.

    Args:
        name: the sweep's.
        status: what a look at it found.
        ended: why its command last ended, where that still holds.
    """
    progress = status.progress
    phase, message = _phase(progress, ended)
    damage = [f"damaged: {status.damage}"] if status.damage is not None else []
    if status.is_of_records:
        repair = f"vggsweep repair {shlex.quote(name)}"
        damage.append(f"no study can be read; this is told from the records. `{repair}` makes it anew.")
    return PageState(
        name=visible(name),
        phase=phase,
        message=visible(message),
        done=progress.done,
        total=progress.total,
        counts=count_words(progress, status.queued),
        left=time_left(progress) if phase == TRAINING else "",
        best=_best_words(status),
        running=tuple(map(_row, progress.running)),
        notes=tuple(map(visible, (*damage, *status.reasons))),
    )


def _phase(progress: SweepProgress, ended: str | None) -> tuple[str, str]:
    if progress.is_done:
        return DONE, f"done: {ended or count_words(progress)}"
    if any(trial.is_owned for trial in progress.running):
        return TRAINING, ""
    if progress.total is None:  # single runs have no end
        return IDLE, "nobody trains"
    return IDLE, f"{'nobody trains' if ended is None else f'ended: {ended}'}; the same command continues it"


def _best_words(status: SweepStatus) -> str:
    if not status.best.trials:
        return ""
    best = max(status.best.trials, key=lambda trial: trial.values[0])
    texts = [f"{best.values[0]:.4f}", *map(short_count, best.values[1:])]
    # an edited sweep.yaml may name fewer objectives than the study has
    values = ", ".join(f"{name} {text}" for name, text in zip(status.objective, texts, strict=False))
    rule = f" ({status.best.rule})" if status.best.rule else ""
    return visible(f"trial {best.number}: {values}  {swept_words(shown_parameters(best))}{rule}")


def _row(trial: RunningTrial) -> RunningRow:
    return RunningRow(
        trial=trial.number,
        worker=visible(trial.worker_words),
        device=visible(trial.device),
        epoch=trial.epoch,
        val_acc=trial.val_acc if trial.val_acc is not None and math.isfinite(trial.val_acc) else None,
        seconds=trial.seconds if trial.is_owned else None,
        parameters=visible(swept_words(trial.swept)),
        is_owned=trial.is_owned,
        curve=thinned(trial.curve),
    )


def thinned(curve: Sequence[float], most: int = MOST_POINTS) -> tuple[float, ...]:
    """A curve in so many points, the first and the last among them.

    >>> thinned([1, 2, 3, 4, 5, 6], most=3), thinned([1, 2], most=3)
    ((1, 3, 6), (1, 2))
    """
    if len(curve) <= most:
        return tuple(curve)
    return tuple(curve[at * (len(curve) - 1) // (most - 1)] for at in range(most))
