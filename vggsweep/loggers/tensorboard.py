"""TensorBoard: event files in the directories of trials and sweep, with hyperparameters and the front."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from vggsweep.configuration.logger_settings import TensorBoardSettings
from vggsweep.loggers.protocol import Ending, LoggedRun, LoggedSweep

# Ends the names of the event files of a sweep.
OF_SWEEP = ".sweep"
# What it writes with, and reads with what a trial wrote before it was stopped.
MODULES = ("torch.utils.tensorboard", "tensorboard.backend.event_processing.event_accumulator")


class TensorBoardLogger:
    """Writes event files.

    Args:
        settings: of ``logger=tensorboard``.
    """

    def __init__(self, settings: TensorBoardSettings) -> None:
        self.settings = settings
        for module in MODULES:
            import_module(module)

    def begin(self, run: LoggedRun) -> int:
        from torch.utils.tensorboard import SummaryWriter

        self.run = run
        place = self._place(run.sweep, run.directory.name) or run.directory
        done = _epochs_in(place) if run.is_continued else 0
        # what lies there of a later epoch, or of a training that began anew, is shown no more
        self.writer: Any = SummaryWriter(str(place), purge_step=done + 1)
        return done

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, number)
        self.writer.flush()

    def end(self, ending: Ending) -> None:
        if ending.state != "INTERRUPTED":
            self._write_results(ending)
        self.writer.close()

    def end_sweep(self, sweep: LoggedSweep) -> None:
        from torch.utils.tensorboard import SummaryWriter

        place = self._place(sweep.sweep) or sweep.directory
        for path in place.glob(f"events.out.tfevents.*{OF_SWEEP}"):
            path.unlink(missing_ok=True)
        writer: Any = SummaryWriter(str(place), filename_suffix=OF_SWEEP)
        for name, value in sweep.results.items():
            writer.add_scalar(name, value, 0)
        for path in [path for path in sweep.files if path.suffix == ".png"]:
            writer.file_writer.add_summary(_image(path), 0)
        # it shows no page: the report stays a file
        notes = {**sweep.notes, "files": ", ".join(map(str, sweep.files))}
        for name, text in notes.items():
            writer.add_text(name, text, 0)
        writer.close()

    def _place(self, *names: str) -> Path | None:
        """The folder of that name under the one that was chosen; None where none was."""
        return None if self.settings.dir is None else Path(self.settings.dir).expanduser().joinpath(*names)

    def _write_results(self, ending: Ending) -> None:
        from torch.utils.tensorboard.summary import hparams

        results = ending.results or {}
        last = int(results.get("metrics/epochs_run", 0))
        for name, value in results.items():
            self.writer.add_scalar(name, value, last)
        parameters = {key: "null" if value is None else value for key, value in self.run.parameters().items()}
        for summary in hparams(parameters, dict(results)):  # type: ignore[no-untyped-call]
            self.writer.file_writer.add_summary(summary)
        reason = f": {ending.reason}" if ending.reason else ""
        self.writer.add_text("state", f"{ending.state}{reason}", last)


def _epochs_in(place: Path) -> int:
    """How many epochs the event files of a directory hold; what a kill cut off is left out."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(place.glob("events.out.tfevents.*")):
        return 0
    events = EventAccumulator(str(place)).Reload()
    steps = [one.step for one in events.Scalars("val_loss")] if "val_loss" in events.Tags()["scalars"] else []
    return max(steps, default=0)


def _image(path: Path) -> Any:
    """A PNG file as TensorBoard keeps it; its head says how large it is."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    image = Summary.Image(encoded_image_string=data, width=width, height=height, colorspace=4)
    return Summary(value=[Summary.Value(tag=path.stem, image=image)])
