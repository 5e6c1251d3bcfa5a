"""Weights & Biases, and Trackio in the same words: a group per sweep, runs of its trials and its report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from vggsweep.configuration.logger_settings import TrackioSettings, WandbSettings
from vggsweep.loggers.protocol import Ending, LoggedRun, LoggedSweep

# Seconds in which what was written last may still be uploaded; the rest stays on disk for `wandb sync`.
FINISH_TIMEOUT = 15.0
# Weights & Biases writes a file of this name itself; record.json holds the whole configuration too.
OF_WANDB = "config.yaml"
EXIT_CODES = {"COMPLETE": 0, "PRUNED": 0, "FAIL": 1, "INTERRUPTED": 255}


class WandbLogger:
    """Writes a run of Weights & Biases beside any that its user may have open.

    Args:
        settings: of ``logger=wandb``.
    """

    def __init__(self, settings: WandbSettings) -> None:
        self.settings = settings
        os.environ.setdefault("WANDB_SILENT", "true")  # the terminal shows the progress of training
        import_module("wandb")

    def begin(self, run: LoggedRun) -> int:
        self._open(
            run.directory.parents[1],
            id=run.token,
            group=run.sweep,
            job_type="trial",
            name=f"{run.sweep}/{run.trial}",
            config=run.parameters(),
        )
        # offline, nothing says what an earlier directory holds: this one is written whole
        return max(0, self.run.step - 1) if self.run.resumed else 0

    def _open(self, directory: Path, **names: Any) -> None:
        import wandb

        mode: Any = self.settings.mode or wandb.Settings().mode
        # a question at the terminal would wait for an answer for ever
        if mode == "online" and not wandb.login(prompt=False):
            raise PermissionError("there is no API key: type `wandb login`, or add logger.wandb.mode=offline")
        self.run: Any = wandb.init(
            project=self.settings.project,
            entity=self.settings.entity,
            mode=mode,
            dir=str(directory),
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(
                console="off",
                symlink=False,
                disable_code=True,
                init_timeout=30.0,
                finish_timeout=FINISH_TIMEOUT,
            ),
            **names,
        )

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        self.run.log({**values, "epoch": number}, step=number)

    def end(self, ending: Ending) -> None:
        self.run.summary.update({**(ending.results or {}), "state": ending.state, "reason": ending.reason})
        self._save([path for path in ending.files if path.name != OF_WANDB])
        self.run.finish(exit_code=EXIT_CODES[ending.state])

    def end_sweep(self, sweep: LoggedSweep) -> None:
        import wandb

        self._open(
            sweep.directory,
            id=sweep.token,
            group=sweep.sweep,
            job_type="report",
            name=f"{sweep.sweep}/report",
            config=dict(sweep.notes),
        )
        # a summary, as what stands there is replaced; a history would grow
        self.run.summary.update({**sweep.results, **_shown(sweep.files, wandb)})
        self._save(sweep.files)
        self.run.finish(exit_code=0)

    def _save(self, files: Sequence[Path]) -> None:
        for path in files:
            self.run.save(str(path), base_path=str(path.parent), policy="now")


class TrackioLogger:
    """Writes a run of Trackio, whose `init` lacks ids and modes and whose runs lack summaries and states.

    Args:
        settings: of ``logger=trackio``.
    """

    def __init__(self, settings: TrackioSettings) -> None:
        self.settings = settings
        import_module("trackio")

    def begin(self, run: LoggedRun) -> int:
        # it knows a run again by its name alone
        name = f"{run.sweep}/{run.trial}-{run.token[:4]}"
        self._open(name, run.sweep, run.parameters(), resume="allow" if run.is_continued else "never")
        return max(0, int(self.run._next_step) - 1)

    def _open(self, name: str, group: str, config: dict[str, Any], resume: str) -> None:
        import trackio

        for module in (trackio, trackio.run, trackio.utils):
            # it prints, beside the progress of training; sys.stdout is not this thread's alone
            module.print = _say_nothing
        self.run: Any = trackio.init(
            project=self.settings.project, name=name, group=group, config=config, resume=resume, embed=False
        )

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        self.run.log({**values, "epoch": number}, step=number)

    def end(self, ending: Ending) -> None:
        if ending.state != "INTERRUPTED":
            last = int((ending.results or {}).get("metrics/epochs_run", 0))
            self.run.log({**(ending.results or {}), "state": ending.state}, step=last + 1)
        self.run.finish()

    def end_sweep(self, sweep: LoggedSweep) -> None:
        import trackio

        name = f"{sweep.sweep}/report-{sweep.token[:4]}"
        trackio.SQLiteStorage.delete_run(self.settings.project, name)
        self._open(name, sweep.sweep, dict(sweep.notes), resume="allow")
        self.run.log({**sweep.results, **_shown(sweep.files, trackio)}, step=0)
        self.run.finish()


def _shown(files: Sequence[Path], tool: Any) -> dict[str, object]:
    """What a tool shows itself, by the file's name: the report as a page, the front as a picture."""
    found: dict[str, object] = {}
    for path in files:
        if path.suffix == ".html":
            found[path.stem] = tool.Html(str(path), inject=False)  # as it is: it has its own style
        elif path.suffix == ".png":
            found[path.stem] = tool.Image(str(path))
    return found


def _say_nothing(*_: object, **__: object) -> None:
    """Stand for print."""
