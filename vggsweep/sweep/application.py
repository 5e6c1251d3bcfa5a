"""One line checked, then run by Hydra: the same for the command and for a call from Python."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from vggsweep.configuration.compose import hydra_at
from vggsweep.configuration.idle import warn_of_idle_words
from vggsweep.configuration.line import Line, check_run, check_sweep, read_line
from vggsweep.configuration.refusal import first_paragraph
from vggsweep.configuration.schema import read_configuration
from vggsweep.configuration.words import parse, word
from vggsweep.errors import EXIT_FAILED, SweepError, VggsweepError
from vggsweep.results.disk.layout import SINGLE_RUNS, sweep_directory
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.outcome import SweepEnding
from vggsweep.sweep.recovery.continuation import check_same_sweep, refuse_sweeps_directory
from vggsweep.sweep.spec.preflight import checked_spec
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.workers.launchers import check_detach, check_devices, check_launcher, choose_launcher

# Hydra would configure the logging of the whole process, which belongs to whoever calls from Python.
LOGGING_LEFT_ALONE = {"hydra/job_logging": "none", "hydra/hydra_logging": "none"}
_RUNNING = threading.Lock()


@dataclass(frozen=True)
class Checked:
    """A line that can work.

    Args:
        words: further words for Hydra, which settle the sweep's name and launcher.
        order: what a sweep of ours is to do; None for other lines.
    """

    words: Sequence[str]
    order: SweepSpec | None = None


@dataclass(frozen=True)
class Application:
    """A line that is to be run.

    Args:
        overrides: its words, without flags.
        is_sweep: whether it has ``-m``.
        command: the whole line, ready to paste.
        extra_dir: the directory of ``--config-dir``.
        config_name: the primary config.
    """

    overrides: tuple[str, ...]
    is_sweep: bool
    command: str
    extra_dir: Path | None = None
    config_name: str = "config"

    def check(self) -> Checked:
        """Refuse a line that cannot work, before anything is written.

        Raises:
            ConfigError: naming the word.
        """
        if not self.is_sweep:
            return self._in_no_sweep(check_run(self.overrides, self.extra_dir, self.config_name))
        check_launcher(self.overrides)
        line = read_line(self.overrides, extra_dir=self.extra_dir, config_name=self.config_name)
        if line.sweeper != "vggsweep":
            return self._in_no_sweep(check_sweep(line, self.extra_dir, self.config_name))
        return self._check_order(line)

    def run(self, checked: Checked, *, configures_logging: bool) -> object:
        """Let Hydra run the line.

        Args:
            checked: what `check` returned.
            configures_logging: whether Hydra may configure the logging of this process.

        Returns:
            A `vggsweep.sweep.hydra_task.Trained`; of a sweep its `SweepEnding`.

        Raises:
            Stopped: a signal arrived.
            VggsweepError: it cannot start, or a run failed.
        """
        from vggsweep.sweep.hydra_task import SingleRun, SweepJob  # imports torch

        words = [*self.overrides, *checked.words]
        if not configures_logging:
            typed = {one.key_or_group for one in parse(words)}
            words += [word(key, name) for key, name in LOGGING_LEFT_ALONE.items() if key not in typed]
        with _alone(), hydra_at(self.extra_dir) as hydra:
            try:
                if not self.is_sweep:
                    task = SingleRun(self.command)
                    trained = hydra.run(self.config_name, task, words, configures_logging).return_value
                    if isinstance(trained, VggsweepError):
                        raise trained
                    return trained
                job = SweepJob(self.command, checked.order)
                ending = hydra.multirun(self.config_name, job, words, configures_logging)
            except (HydraException, OmegaConfBaseException) as error:
                raise SweepError(first_paragraph(error)) from error
        return ending if isinstance(ending, SweepEnding) else _end_of_stock_sweep(words)

    def _check_order(self, line: Line) -> Checked:
        """Check a sweep of ours as a whole."""
        order = checked_spec(
            line,
            extra_dir=None if self.extra_dir is None else self.extra_dir.resolve(),
            config_name=self.config_name,
            command=self.command,
        )
        check_detach(line.hydra, order.settings)
        launcher = choose_launcher(line.words, line.hydra, order.settings.n_workers)
        configuration = read_configuration(order.base)
        check_devices(configuration, line.hydra)
        check_same_sweep(order)
        warn_of_idle_words(configuration, line.parsed)
        return Checked([word("sweep.name", order.name), *launcher], order)

    def _in_no_sweep(self, added: Sequence[str]) -> Checked:
        """Refuse trials outside our sweeper in a directory of a sweep of ours, before Hydra makes one."""
        refuse_sweeps_directory(sweep_directory(_name([*self.overrides, *added])))
        return Checked(added)


def _name(words: Sequence[str]) -> str:
    names = [one.value() for one in parse(words) if one.key_or_group == "sweep.name"]
    return str(names[-1]) if names else SINGLE_RUNS


def _end_of_stock_sweep(words: Sequence[str]) -> SweepEnding:
    """The end of a sweep whose jobs Hydra ran: failed where not one of them completed."""
    name = _name(words)
    records, _ = read_records(sweep_directory(name).path)
    if any(record.state == "COMPLETE" for _, record in records):
        return SweepEnding(name)
    return SweepEnding(name, EXIT_FAILED, f"No trial of sweep {name} completed.")


@contextmanager
def _alone() -> Iterator[None]:
    """One line at a time: Hydra's globals, and torch's settings, are those of the whole process.

    Raises:
        SweepError: another thread of this process runs one.
    """
    if not _RUNNING.acquire(blocking=False):
        raise SweepError(
            "This process trains already, in another thread, and runs one line at a time. n_workers=4 "
            "trains four trials of a sweep at once; a second sweep needs a process of its own."
        )
    try:
        yield
    finally:
        _RUNNING.release()
