"""One trial with a record, for people's own analysis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record

if TYPE_CHECKING:
    import pandas as pd

    from vggsweep.model import TrainedModel


@dataclass(frozen=True, repr=False)
class Trial:
    """A trial that ended.

    Args:
        record: what it found.
        directory: where its files lie.
    """

    record: Record
    directory: Path

    @property
    def number(self) -> int:
        """Its number in its sweep."""
        return self.record.trial

    @property
    def val_acc(self) -> float | None:
        """Validation accuracy after the last epoch, from 0 to 1; None where it reached none."""
        found = self.record.metrics.get("val_acc")
        return None if found is None else float(found)

    def history(self) -> pd.DataFrame:
        """One row for each epoch: losses, accuracies, learning rate, seconds.

        Raises:
            RecordError: its ``history.csv`` is damaged.
        """
        import pandas as pd

        epochs = pd.DataFrame(read_history(TrialDirectory(self.directory).history))
        return epochs.astype({"epoch": int}) if len(epochs) else epochs

    def model(self, device: str = "cpu") -> TrainedModel:
        """The trained network, ready to predict.

        Args:
            device: where to put it.

        Raises:
            RecordError: it was trained without ``train.keep_weights=true``.
        """
        from vggsweep.model import load_model

        return load_model(self.directory, device)

    def __repr__(self) -> str:
        """Where it stands and what it reached.

        >>> Trial(Record("mine", 3, "COMPLETE", None, "", {}, metrics={"val_acc": 0.875}), Path("/x"))
        <Trial mine/3: COMPLETE, val_acc 0.8750>
        """
        reached = "" if self.val_acc is None else f", val_acc {self.val_acc:.4f}"
        return f"<Trial {self.record.sweep}/{self.number}: {self.record.state}{reached}>"
