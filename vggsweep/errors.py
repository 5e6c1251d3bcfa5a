"""Every error that vggsweep raises on purpose.

The tree::

    VggsweepError                what a person reads: one paragraph, no traceback
    ├── ConfigError              the command line or a configuration is wrong (exit code 2)
    │   └── InfeasibleConfig     well-formed, but no such network exists (a sweep skips it)
    ├── DataError                a data set is missing, damaged or not what it claims to be
    │   └── DataChanged          its pictures changed while they were trained on
    ├── NothingToDraw            a figure has no points; its text says what is missing
    ├── RecordError              a record or a table file cannot be understood
    ├── CheckpointError          no usable checkpoint
    ├── ExportError              a network cannot be exported, or what was exported does not score as it
    ├── SweepError               a sweep cannot start, or had to stop early
    ├── WriteFailed              a file could not be written: disk full, read-only, gone (an OSError as well)
    └── TrialFailed              training went wrong; the trial ends as FAIL
        ├── NonFiniteLoss        NaN or infinity, with epoch and step
        ├── OutOfMemory          the device's memory ran out, with the batch size
        └── TimedOut             it trained longer than sweep.trial_timeout allows
    Interrupted                  Ctrl-C or SIGTERM (a BaseException: nothing swallows it by accident)
    Superseded                   another worker took the trial over (a BaseException as well)
    Stopped                      says how to go on after a signal (a KeyboardInterrupt; exit code 130)
    TrialPruned                  a pruner stopped the trial (control flow, not a failure)

What a user did is a `VggsweepError`; our own broken invariants are plain assertions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class VggsweepError(Exception):
    """Base of all errors that are shown to a person as one paragraph."""

    exit_code = EXIT_FAILED


class ConfigError(VggsweepError):
    """The command line or a configuration cannot work."""

    exit_code = EXIT_USAGE


class InfeasibleConfig(ConfigError):
    """A well-formed configuration whose network cannot exist, such as more pools than pixels."""


class DataError(VggsweepError):
    """A data set is missing, damaged or does not look as its name promises."""


class DataChanged(DataError):
    """The pictures are others than when their fingerprint was taken.

    No trial fails by it: nothing of what was trained on them is kept, and the same command goes on once they
    are back.
    """


class NothingToDraw(VggsweepError):
    """A figure of this table would be empty; the text says which values are missing."""


class RecordError(VggsweepError):
    """A record does not follow the schema that this version understands."""


class CheckpointError(VggsweepError):
    """Neither the last checkpoint nor the one before it can be read."""


class ExportError(VggsweepError):
    """A network cannot be written in a format, or what was written does not score as the network does."""


class SweepError(VggsweepError):
    """A sweep cannot start or had to stop before its total."""


class WriteFailed(VggsweepError, OSError):
    """The file system refused to write; the text names path, free space and cure.

    No trial fails by it: what was complete stays, and the same command goes on once it is cured.

    Args:
        text: one paragraph.
        errno: why, as the system numbers it.
    """

    def __init__(self, text: str, errno: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.errno = errno

    def __str__(self) -> str:
        return self.text


class TrialFailed(VggsweepError):
    """Training ended without a usable result."""


class NonFiniteLoss(TrialFailed):
    """The loss became NaN or infinite."""

    def __init__(self, epoch: int, step: int) -> None:
        self.epoch = epoch
        self.step = step
        super().__init__(
            f"The loss became NaN or infinite in epoch {epoch}, step {step}. "
            "A smaller optimizer.lr, a longer scheduler.warmup_epochs or "
            "train.clip_grad_norm=1.0 usually helps."
        )


class OutOfMemory(TrialFailed):
    """The device ran out of memory.

    Args:
        device: which.
        field: of the configuration, that decides how much was needed there; a number of images.
        size: its value.
        during: what was going on, such as ``"validation"``.
    """

    def __init__(
        self, device: str, size: int, field: str = "train.batch_size", during: str = "training"
    ) -> None:
        smaller = f"{field}={size // 2}, " if size > 1 else ""
        where = "" if during == "training" else f" in {during}"
        super().__init__(
            f"Out of memory on {device}{where} with {field}={size}. "
            f"Try {smaller}a smaller dataset.resolution, "
            "or dataset.loader=streaming to keep the images off the device."
        )


class TimedOut(TrialFailed):
    """The trial took longer than it may.

    Args:
        seconds: ``sweep.trial_timeout``.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"It took longer than sweep.trial_timeout={seconds:g} s.")


class Interrupted(BaseException):
    """A person or the scheduler asked the process to stop; the last whole epoch is on disk."""


class Superseded(BaseException):
    """This worker was silent for so long that another one took its trial over."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a sweep or a run; the text says how it continues.

    A script that does not catch it ends by it, as by any Ctrl-C.
    """


class TrialPruned(Exception):
    """A pruner stopped the trial after an epoch.

    Args:
        epoch: epochs trained when it was stopped, from 1.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        super().__init__(f"pruned after epoch {epoch}")


def near_match(word: str, choices: Iterable[str]) -> str:
    """The sentence that helps after a misspelt word.

    >>> near_match("vgg61", ["vgg16", "vgg19"])
    "Did you mean 'vgg16'? Valid: vgg16, vgg19."
    >>> near_match("zzz", ["sgd", "adam"])
    'Valid: adam, sgd.'
    """
    known = sorted(set(choices))
    small = {choice: choice.lower() for choice in known}
    close = difflib.get_close_matches(word.lower(), set(small.values()), n=len(known) or 1)
    # Swapped letters are the commonest slip, and difflib scores them no better than wrong ones.
    close.sort(key=lambda choice: sorted(choice) != sorted(word.lower()))
    close = [choice for one in close for choice in known if small[choice] == one]
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Valid: {', '.join(known)}."
