"""What a sweep was told to do, in one picklable value: any worker on any host can act on it.

It is read from the same words for ``-m``, ``plan`` and a continued sweep, and checked as a whole
before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.compose import SEARCH_PATH, compose, group_options
from vggsweep.configuration.identity import without_idle_fields
from vggsweep.configuration.line import Line, choices, named, sweep_name
from vggsweep.configuration.schema import TARGET_FIELDS, Configuration, read_configuration, resolved
from vggsweep.configuration.secrets import check_storage
from vggsweep.configuration.sweep_settings import PrunerSettings, SweepSettings
from vggsweep.configuration.words import choice_value, word
from vggsweep.errors import ConfigError
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.extent import Extent
from vggsweep.sweep.spec.objectives import Metric, metrics_of
from vggsweep.sweep.spec.samplers import applicable_sampler
from vggsweep.sweep.spec.saved_spec import flat, sampler_begun_with
from vggsweep.sweep.spec.search_space import SearchSpace, read_space, space_overrides
from vggsweep.sweep.spec.warm_start import earlier_sweeps

# Fields of ``sweep`` that may change when a sweep continues, and nodes that decide no result.
FREE_SWEEP_FIELDS = (
    *("name", "n_trials", "n_workers", "timeout", "trial_timeout", "lease", "storage", "detach"),
    *("fair_lr", "stop", "plateau_share", "plateau_risk", "warm_start", "prior", "allow_sampler", "keep"),
)
FREE_NODES = ("device", "logger")
# How the fingerprint names the data of a sweep that does not vary them.
SAMPLER_GROUP = "hydra/sweeper/sampler"
WHOLE_SWEEP = "of the sweep"
# Nodes of a configuration that a sweep has once, whatever its trials are.
WHOLE_NODES = ("sweep", "objective", "pruner", "space", "logger", "hydra")
# Words of a line that are no part of a trial's configuration.
NOT_A_TRIALS = ("hydra", "sweep.name=")


@dataclass(frozen=True)
class SweepSpec:
    """A whole sweep.

    Args:
        name: directory under ``outputs/``.
        root: ``outputs/<name>``, absolute.
        fixed: words that every trial has.
        extra_dir, config_name: where the configuration comes from, see `compose`.
        space: what is varied.
        sampler: Hydra's node of the sampler, and the names of its fields that a person set.
        objective: name in `vggsweep.sweep.spec.objectives`.
        pruner: which trials end early.
        settings: the ``sweep`` node.
        seed: of the first replicate and of the sampler.
        base: resolved configuration with the first choice of each swept group.
        command: the words a person typed, ready to paste.
        fingerprints: of the data sets, as far as they were taken.
        only: numbers of the trials that are trained again; empty for a whole sweep.
        sampler_note: why the sampler is another than the one that a person named.
        warm_start: directories of the earlier sweeps whose results are known.
    """

    name: str
    root: Path
    fixed: tuple[str, ...]
    extra_dir: Path | None
    config_name: str
    space: SearchSpace
    sampler: Mapping[str, Any]
    sampler_fields: tuple[str, ...]
    objective: str
    pruner: PrunerSettings
    settings: SweepSettings
    seed: int
    base: Mapping[str, Any]
    command: str
    fingerprints: Fingerprints = field(default_factory=Fingerprints)
    only: tuple[int, ...] = ()
    sampler_note: str | None = None
    warm_start: tuple[Path, ...] = ()

    @property
    def directory(self) -> SweepDirectory:
        return SweepDirectory(self.root)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return metrics_of(self.objective)

    @property
    def fair(self) -> FairFacts | None:
        """What it compares, where each network's learning rate is searched; else None."""
        is_fair = self.settings.fair_lr is not None
        return FairFacts(float(self.base["optimizer"]["lr"]), self.seed) if is_fair else None

    @property
    def extent(self) -> Extent:
        """How much there is to do."""
        settings = self.settings
        return Extent(settings.n_trials, settings.n_workers, settings.replicates, self.space_size)

    @property
    def space_size(self) -> int | None:
        """Configurations that it may train; None where that is known only while it runs."""
        if self.settings.fair_lr is not None:  # what is compared is known after the search
            return None
        return len(self.settings.enqueue or ()) if self.space.is_empty else self.space.size

    def open_study(self) -> optuna.Study:
        """Create or open the sweep's study, with its pruner; suggestions take a sampler each."""
        from vggsweep.sweep.spec.pruners import optuna_pruner
        from vggsweep.sweep.storage.study import open_study  # a database's library, which plan needs not

        return open_study(
            self.directory,
            directions=[metric.direction for metric in self.metrics],
            storage=self.settings.storage,
            pruner=optuna_pruner(self.pruner, self.base["train"]["epochs"]),
        )

    @cached_property
    def composer(self) -> Composer:
        """Makes this sweep's configurations; what it has composed once it remembers."""
        return Composer(self.fixed, self.extra_dir, self.config_name)

    def fingerprint(self) -> dict[str, Any]:
        """Everything that must stay the same when the sweep continues, flat, as text."""
        kept = {key: value for key, value in self.base.items() if key not in FREE_NODES}
        kept["sweep"] = {key: value for key, value in kept["sweep"].items() if key not in FREE_SWEEP_FIELDS}
        kept = without_idle_fields(kept)
        kept["space"] = self.space.describe()
        kept["sampler"] = dict(self.sampler)
        kept["data"] = self._data()
        return flat(kept)

    def _data(self) -> dict[str, Any]:
        """What the data are, by the folder where several are swept."""
        roots = self.space.distributions.get("dataset.root")
        if not isinstance(roots, CategoricalDistribution):
            found = {WHOLE_SWEEP: self.base}
        else:
            dataset = self.base["dataset"]
            chosen = [choice_value(root) for root in roots.choices]  # type: ignore[arg-type]
            found = {str(root): {**self.base, "dataset": {**dataset, "root": root}} for root in chosen}
        taken = {name: self.fingerprints.of(plain) for name, plain in found.items()}
        return {name: {"digest": one.digest, **one.counts} for name, one in taken.items()}


def space_option(line: Line) -> str:
    """The option of the ``space`` group that a line chooses."""
    typed = ",".join(one.get_value_string() for one in line.parsed if one.key_or_group == "space")
    return typed or str(line.hydra.runtime.choices.get("space"))


def space_setter(line: Line) -> str:
    """The word to which a line owes its space, typed or not: its space, else its experiment."""
    experiment = line.hydra.runtime.choices.get("experiment")
    is_typed = any(one.key_or_group == "space" for one in line.parsed)
    return f"space={space_option(line)}" if is_typed or experiment is None else f"experiment={experiment}"


def spec_of_line(line: Line, *, extra_dir: Path | None, config_name: str, command: str) -> SweepSpec:
    """The sweep of a line, not checked as a whole; see `vggsweep.sweep.spec.preflight.checked_spec`."""
    parsed, swept, fixed = line.parsed, line.swept, line.fixed
    # without an option, or without the name of a part of one's own, there is no configuration
    needed = [
        override
        for override in swept
        if group_options(override.key_or_group, extra_dir=extra_dir) or override.key_or_group in TARGET_FIELDS
    ]
    first = [f"{one.get_key_element()}={choices(one, extra_dir=extra_dir)[0]}" for one in needed]
    config = compose([*fixed, *first], extra_dir=extra_dir, config_name=config_name) if first else None
    base = line.plain() if config is None else resolved(config)
    configuration = read_configuration(base)
    check_storage(configuration.sweep.storage)  # before any other refusal repeats the line
    space = _read_space(configuration, parsed, swept, extra_dir)
    kind = [*space.distributions] or [space_option(line)]
    name = named(configuration, line.words) or sweep_name(naming_overrides(line.words), kind)
    base["sweep"]["name"] = name
    sampler, note = applicable_sampler(
        resolved(line.hydra.sweeper.sampler),
        metrics_of(configuration.objective.name),
        space,
        configuration.arch,
    )
    if not any(one.key_or_group.startswith(SAMPLER_GROUP) for one in parsed):
        sampler, note = sampler_begun_with(sweep_directory(name)) or sampler, None  # nobody named it
    spec = SweepSpec(
        name=name,
        root=sweep_directory(name).path,
        fixed=(
            *(
                text
                for text in fixed
                # Hydra gives a job its own words again, and could not add the same field twice
                if text.startswith(SEARCH_PATH) or not text.lstrip("+~").startswith(NOT_A_TRIALS)
            ),
            word("sweep.name", name),
        ),
        extra_dir=extra_dir,
        config_name=config_name,
        space=space,
        sampler=sampler,
        sampler_note=note,
        warm_start=earlier_sweeps(configuration.sweep.warm_start, sweep_directory(name)),
        sampler_fields=tuple(
            override.key_or_group.rpartition(".")[2]
            for override in parsed
            if override.key_or_group.startswith("hydra.sweeper.sampler.")
        ),
        objective=configuration.objective.name,
        pruner=configuration.pruner,
        settings=configuration.sweep,
        seed=configuration.seed,
        base=base,
        command=command,
    )
    if not any(one.key_or_group.startswith("hydra") for one in parsed):
        # the line is what trials are made of, and composing it once more takes Hydra 80 ms
        task = line.task()
        OmegaConf.update(task, "sweep.name", name)
        spec.composer.remember(task)
    return spec


def _read_space(
    configuration: Configuration,
    parsed: Sequence[Override],
    swept: Sequence[Override],
    extra_dir: Path | None,
) -> SearchSpace:
    """The space of the ``space`` group and of the line; a key that the line names is the line's."""
    taken = {override.key_or_group for override in parsed}
    from_group = space_overrides(configuration.space.params or {}, taken)
    distributions = read_space([*from_group, *swept], lambda group: group_options(group, extra_dir=extra_dir))
    for key in distributions:
        if key.lstrip("+").partition(".")[0] in WHOLE_NODES:
            advice = " Several at once are a list: logger=[tensorboard,mlflow]" if key == "logger" else ""
            raise ConfigError(f"{key} belongs to the sweep as a whole and cannot be searched.{advice}")
        if key == "train.nproc":
            raise ConfigError(
                "train.nproc is never searched: a network trains to the same weights with any number of "
                "processes. Give the whole sweep one, such as train.nproc=2."
            )
    if "seed" in distributions:
        raise ConfigError(
            "seed is never searched: it would make luck look like skill. Use sweep.replicates=3 to average "
            "over seeds, or hydra/sweeper=basic to run each seed as a trial of its own."
        )
    return SearchSpace(distributions, configuration.space.hook)


def naming_overrides(words: Sequence[str]) -> list[str]:
    """The words that name a sweep: those that may change when it continues leave the name alone."""
    free = (
        *(f"sweep.{field}=" for field in FREE_SWEEP_FIELDS),
        *(f"{node}{mark}" for node in FREE_NODES for mark in "=."),
        "hydra/launcher",
        "hydra.launcher",
    )
    return [word for word in words if not word.startswith(free)]
