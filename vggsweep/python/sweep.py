"""A sweep that exists, in whatever state: what ``vggsweep table``, ``pareto`` and ``report`` say of it."""

from __future__ import annotations

import html
import inspect
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vggsweep.errors import ConfigError, RecordError, near_match
from vggsweep.files import write_atomically
from vggsweep.python.trial import Trial
from vggsweep.results.disk.best import ranked_configurations
from vggsweep.results.disk.layout import find_sweep
from vggsweep.results.disk.record import read_record
from vggsweep.results.tables.table import load_sweep, read_records

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from vggsweep.model import TrainedModel
    from vggsweep.results.findings.evidence import Evidence
    from vggsweep.results.findings.verdict import Verdict

# A picture of the best trials has so many rows.
BEST_ROWS = 8
ENDING = "_figure"


def open_sweep(sweep: str | Path | None = None) -> Sweep:
    """Open a sweep that exists; it may still be running.

    Args:
        sweep: its name under ``outputs/``, or its directory; None for the newest.

    Raises:
        ConfigError: there is no such sweep; the text names those that are there.
    """
    return Sweep(sweep)


class Sweep:
    """A sweep on disk. Each method reads its files anew, so that a running sweep can be followed.

    Args:
        sweep: its name under ``outputs/``, or its directory; None for the newest.

    Raises:
        ConfigError: there is no such sweep.
    """

    def __init__(self, sweep: str | Path | None = None) -> None:
        self._files = find_sweep(None if sweep is None else str(sweep))

    @property
    def name(self) -> str:
        """What it is called under ``outputs/``."""
        return self._files.name

    @property
    def directory(self) -> Path:
        """Where its files lie, absolute."""
        return self._files.path

    def table(self, where: str | None = None) -> pd.DataFrame:
        """One row for each trial with a record; see `vggsweep.load_sweep`.

        Args:
            where: only rows for which this condition is true, such as ``"depth >= 8 and val_acc > 0.8"``.
        """
        return load_sweep(self.directory, where=where)

    def front(self, x: str | None = None, y: str = "val_acc", *, average: bool = False) -> pd.DataFrame:
        """The rows of the table on the front for two columns, the cheapest first.

        Args:
            x: column of the cost; None for that of the sweep's objective, else MACs.
            y: column of the accuracy.
            average: put the mean over the seeds of each configuration on the front, in place of trials; where
                each network's learning rate was searched, those at their own rate.

        Raises:
            ConfigError: no such column, or no trial has a value of it.
        """
        from vggsweep.results.findings.evidence import check_column, objective_cost
        from vggsweep.results.findings.fair_rates import at_own_rates
        from vggsweep.results.statistics.front import pareto_front
        from vggsweep.results.statistics.replicates import CONFIGURATION, mean_over_seeds

        evidence = self._evidence()
        cost = x or objective_cost(evidence)
        table = mean_over_seeds(at_own_rates(evidence, y).table) if average else evidence.table
        for column in (cost, y):
            check_column(table, column)
        kept = table[pareto_front(table, cost, y)].sort_values([cost, y])
        return kept.drop(columns=[CONFIGURATION], errors="ignore").reset_index(drop=True)

    def figure(self, name: str = "accuracy_cost", **options: Any) -> Figure:
        """Draw one of the figures of `vggsweep.figures`.

        Args:
            name: of the function, with or without its ending ``_figure``.
            options: its arguments besides the table; the cost is that of the sweep's objective unless given.

        Raises:
            ConfigError: there is no such figure, or it has no such option.
            NothingToDraw: the sweep lacks what it shows; the text says what.
        """
        from vggsweep.results import figures
        from vggsweep.results.findings.evidence import objective_cost
        from vggsweep.results.statistics.front import same_data

        known = [one.removesuffix(ENDING) for one in figures.__all__ if one.endswith(ENDING)]
        if name.removesuffix(ENDING) not in known:
            raise ConfigError(f"There is no figure {name!r}. {near_match(name, known)}")
        draw = getattr(figures, name.removesuffix(ENDING) + ENDING)
        taken = list(inspect.signature(draw).parameters)[1:]
        if wrong := [one for one in options if one not in taken]:
            raise ConfigError(f"{name} has no option {wrong[0]!r}. {near_match(wrong[0], taken)}")
        evidence = self._evidence()
        if "x" in taken:
            options.setdefault("x", objective_cost(evidence))
        figure: Figure = draw(same_data(evidence.table)[0], **options)
        return figure

    def trial(self, number: int) -> Trial:
        """One trial by its number.

        Raises:
            RecordError: it has no record yet, or a damaged one.
        """
        directory = self._files.trial(number)
        if not directory.record.exists():
            known = (
                ", ".join(str(record.trial) for _, record in read_records(self.directory)[0]) or "none yet"
            )
            raise RecordError(f"Trial {number} of {self.name} has no record. Those that have: {known}.")
        return Trial(read_record(directory.record), directory.path)

    def best(self) -> Trial:
        """The first trial of the configuration with the highest validation accuracy, seeds averaged.

        Of equals it is that with the fewest MACs. Where each network's learning rate was searched, those at
        their own rate with fresh seeds are compared. The highest mean is no proof: `report` says which
        networks are told apart from it.

        Raises:
            RecordError: no trial has completed.
        """
        return self._ranked()[0]

    def best_model(self, device: str = "cpu") -> TrainedModel:
        """The best network among those whose weights were kept, ready to predict; ranked as `best` does.

        Args:
            device: where to put it.

        Raises:
            RecordError: no weights were kept; the text holds the call that trains them again.
        """
        ranked = self._ranked()
        for trial in ranked:
            if (trial.directory / "model.safetensors").exists():
                return trial.model(device)
        raise RecordError(
            f"No trial of {self.name} keeps its weights, as none was trained with train.keep_weights=true. "
            f"This trains the best, trial {ranked[0].number}, again and keeps them:\n"
            f"  {self._call_that_keeps_weights(ranked[0])}.model()"
        )

    def verdict(self, x: str | None = None, y: str | None = None, *, where: str | None = None) -> Verdict:
        """What the finished trials say, in sentences, and how sure one may be; that of the report.

        Args:
            x: column of the cost; None for that of the sweep's objective, else MACs.
            y: column of the accuracy; None for that of the sweep's objective.
            where: only trials for which this condition is true.

        Returns:
            ``question``, ``answer``, ``uncertainty`` and ``cautions`` in words, and ``standings``: each
            configuration against the best.

        Raises:
            ConfigError: no such column.
        """
        from vggsweep.results.findings.judgement import judge

        return judge(self._evidence(where), x, y).verdict

    def report(
        self, out: str | Path | None = None, *, x: str | None = None, where: str | None = None
    ) -> Path:
        """Write one self-contained HTML page: verdict, front, table, figures, failures, commands.

        Args:
            out: the file; None for ``report.html`` in the sweep's directory.
            x: column of the cost; None for that of the sweep's objective, else MACs.
            where: only trials for which this condition is true.

        Returns:
            The file.
        """
        from vggsweep import __version__
        from vggsweep.results.report import report_page

        file = Path(out) if out is not None else self._files.report
        write_atomically(file, report_page(self._evidence(where), x=x, version=__version__))
        return file.resolve()

    def __repr__(self) -> str:
        states: dict[str, int] = {}
        for _, record in read_records(self.directory)[0]:
            states[record.state] = states.get(record.state, 0) + 1
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return f"<Sweep {self.name}: {counts or 'no trial has ended'}>"

    def _repr_html_(self) -> str:
        """Its best configurations, seeds averaged, as a notebook shows them."""
        from vggsweep.results.findings.fair_rates import at_own_rates
        from vggsweep.results.statistics.replicates import mean_over_seeds
        from vggsweep.results.statistics.settings import varied_settings

        title = f"<p>{html.escape(repr(self)[1:-1])}</p>"
        table = mean_over_seeds(at_own_rates(self._evidence()).table)
        if "val_acc" not in table.columns or table["val_acc"].isna().all():
            return title
        names = ["trial", "state", *varied_settings(table), "val_acc", "seeds", "macs", "params"]
        if table["seeds"].max() == 1:
            names.remove("seeds")
        shown = [name for name in dict.fromkeys(names) if name in table.columns]
        best = table.sort_values("val_acc", ascending=False).head(BEST_ROWS)[shown]
        return f"{title}{best.to_html(index=False, float_format='{:.4g}'.format)}"

    def _evidence(self, where: str | None = None) -> Evidence:
        from vggsweep.results.findings.evidence import load_evidence

        return load_evidence([self._files], where)

    def _ranked(self) -> list[Trial]:
        """Completed trials, those of the best configuration first."""
        ranked = [number for one in ranked_configurations(self._files) for number in one.trials]
        if not ranked:
            raise RecordError(f"No trial of {self.name} has completed.")
        return [self.trial(number) for number in ranked]

    def _call_that_keeps_weights(self, trial: Trial) -> str:
        from vggsweep.results.report.reproduction import reproducing_command

        words = shlex.split(reproducing_command(trial.record, self._evidence().sweeps[0]))[1:]
        more = ""
        if words[:1] == ["--config-dir"]:
            more, words = f", config_dir={words[1]!r}", words[2:]
        words = [word for word in words if not word.startswith("train.keep_weights=")]
        return f"vggsweep.train({[*words, 'train.keep_weights=true']!r}{more})"
