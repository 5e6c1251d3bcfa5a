"""What a person sees while a sweep runs: one line a finished trial, and the running one's bar."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import optuna
from rich.console import Console

from vggsweep.results.record import Record
from vggsweep.sweep.order import SweepOrder


class SweepView:
    """Progress of one worker's sweep.

    Args:
        console: where to draw.
        order: what the sweep was told.
        study: read for counts.
    """

    def __init__(self, console: Console, order: SweepOrder, study: optuna.Study) -> None:
        self.console = console
        self.order = order
        self.study = study

    def __enter__(self) -> SweepView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def trial_started(self, number: int, swept: Mapping[str, Any]) -> None:
        words = " ".join(f"{key}={value}" for key, value in swept.items())
        self.console.print(f"trial {number}: {words}", highlight=False, soft_wrap=True)

    def trial_ended(self, record: Record) -> None:
        self.console.print(f"trial {record.trial}: {record.state} {record.reason or ''}", highlight=False)
