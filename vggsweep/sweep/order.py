"""What a sweep was told to do, in one picklable value: any worker on any host can act on it.

It is read from the same words for ``-m``, ``plan`` and a continued sweep, and checked as a whole
before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.checks import check_configuration, check_name, check_storage
from vggsweep.configuration.compose import compose_with_hydra, expand_aliases, group_options
from vggsweep.configuration.identity import without_idle_fields
from vggsweep.configuration.line import choices, experiment_name, parse, refuse_fixed_and_swept, sweep_name
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.configuration.sweep_settings import PrunerSettings, SweepSettings
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.results.layout import SweepDirectory, sweep_directory
from vggsweep.sweep.composer import Composer
from vggsweep.sweep.objectives import Metric, metrics_of
from vggsweep.sweep.pruning.watch import check_pruner
from vggsweep.sweep.samplers import check_sampler
from vggsweep.sweep.space import SearchSpace, load_hook, read_space, space_overrides

# Fields of ``sweep`` that may change when a sweep continues, and nodes that decide no result.
FREE_SWEEP_FIELDS = ("name", "n_trials", "n_workers", "timeout", "trial_timeout", "lease", "storage")
FREE_NODES = ("device", "logger")


@dataclass(frozen=True)
class SweepOrder:
    """A whole sweep.

    Args:
        name: directory under ``outputs/``.
        root: ``outputs/<name>``, absolute.
        fixed: words that every trial has.
        extra_dir, config_name: where the configuration comes from, see `compose`.
        space: what is varied.
        sampler: Hydra's node of the sampler, and the names of its fields that a person set.
        objective: name in `vggsweep.sweep.objectives`.
        pruner: which trials end early.
        settings: the ``sweep`` node.
        seed: of the first replicate and of the sampler.
        base: resolved configuration with the first choice of each swept group.
        command: the words a person typed, ready to paste.
        fingerprints: of the data sets, as far as they were taken.
        only: numbers of the trials that are trained again; empty for a whole sweep.
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

    @property
    def directory(self) -> SweepDirectory:
        return SweepDirectory(self.root)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return metrics_of(self.objective)

    def composer(self) -> Composer:
        """Makes this sweep's configurations."""
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
            found = {"of the sweep": self.base}
        else:
            dataset = self.base["dataset"]
            found = {str(root): {**self.base, "dataset": {**dataset, "root": root}} for root in roots.choices}
        taken = {name: self.fingerprints.of(plain) for name, plain in found.items()}
        return {name: {"digest": one.digest, **one.counts} for name, one in taken.items()}


def read_order(words: Sequence[str], *, extra_dir: Path | None, config_name: str, command: str) -> SweepOrder:
    """Read and check the words of ``vggsweep -m``.

    Args:
        words: all overrides of the line, also those of ``hydra.``.
        extra_dir: the directory of ``--config-dir``.
        config_name: the primary config.
        command: the line as typed.

    Raises:
        ConfigError: the line cannot work; nothing has been written.
    """
    words = expand_aliases(words)
    parsed = parse(words)
    refuse_fixed_and_swept(parsed)
    swept = [override for override in parsed if override.is_sweep_override()]
    fixed = tuple(str(override.input_line) for override in parsed if not override.is_sweep_override())
    groups = [override for override in swept if group_options(override.key_or_group, extra_dir=extra_dir)]
    first = [f"{one.get_key_element()}={choices(one, extra_dir=extra_dir)[0]}" for one in groups]
    config = compose_with_hydra([*fixed, *first], extra_dir=extra_dir, config_name=config_name)
    base = resolved(_without_hydra(config))
    configuration = read_configuration(base)
    check_storage(configuration.sweep.storage)  # before any other refusal repeats the line
    space = _read_space(configuration, parsed, swept, extra_dir)
    name = configuration.sweep.name or experiment_name(words) or sweep_name(_lasting(words))
    check_name(name)
    base["sweep"]["name"] = name
    sampler = resolved(config.hydra.sweeper.sampler)
    order = SweepOrder(
        name=name,
        root=sweep_directory(name).path,
        fixed=(
            *(word for word in fixed if not word.startswith(("hydra", "sweep.name="))),
            f"sweep.name={name}",
        ),
        extra_dir=extra_dir,
        config_name=config_name,
        space=space,
        sampler=sampler,
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
    _check(order, configuration)
    return order


def _without_hydra(config: DictConfig) -> DictConfig:
    task = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    assert isinstance(task, DictConfig)
    return task


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
        if key.partition(".")[0] in ("sweep", "objective", "pruner", "space", "hydra"):
            raise ConfigError(f"{key} belongs to the sweep as a whole and cannot be searched.")
    if "seed" in distributions:
        raise ConfigError(
            "seed is never searched: it would make luck look like skill. Use sweep.replicates=3 to average "
            "over seeds, or hydra/sweeper=basic to run each seed as a trial of its own."
        )
    return SearchSpace(distributions, configuration.space.hook)


def _lasting(words: Sequence[str]) -> list[str]:
    """The words that name a sweep: those that may change when it continues leave the name alone."""
    free = (
        *(f"sweep.{field}=" for field in FREE_SWEEP_FIELDS),
        *(f"{node}=" for node in FREE_NODES),
        "hydra/launcher",
        "hydra.launcher",
    )
    return [word for word in words if not word.startswith(free)]


def _check(order: SweepOrder, configuration: Configuration) -> None:
    metrics = order.metrics
    check_pruner(order.pruner, metrics)
    check_sampler(order.sampler, metrics, order.space)
    if "latency_ms_p50" in [metric.name for metric in metrics] and configuration.measure.name == "none":
        raise ConfigError("objective=acc_vs_latency needs latencies, and measure=none takes none.")
    if order.space.hook is not None:
        load_hook(order.space.hook)
    if not order.space.distributions and order.space.hook is None:
        raise ConfigError(
            "-m needs something to vary: sweep a field (arch.depth=4,6,8), choose a space "
            "(space=depth_width) or an experiment that has one (experiment=quickstart)."
        )
    _check_choices(order)
    _check_enqueued(order)


def _check_choices(order: SweepOrder) -> None:
    """Each value of each parameter by itself beside the first of the others; infeasible ones may pass."""
    composer = order.composer()
    first = {name: _some_values(order, name)[0] for name in order.space.distributions}
    tried: set[tuple[str, ...]] = set()
    for name in order.space.distributions or [None]:
        for value in _some_values(order, name) if name is not None else [None]:
            point = first if name is None else {**first, name: value}
            words = tuple(order.space.words(point))
            if words in tried:
                continue
            tried.add(words)
            configuration = read_configuration(composer.compose(words))
            try:
                check_configuration(configuration)
            except InfeasibleConfig:
                continue


def _some_values(order: SweepOrder, name: str) -> list[Any]:
    """All values of a choice, both ends of a range or an interval."""
    distribution = order.space.distributions[name]
    if hasattr(distribution, "choices"):
        return list(distribution.choices)
    return [distribution.low, distribution.high]  # type: ignore[attr-defined]


def _check_enqueued(order: SweepOrder) -> None:
    composer = order.composer()
    for index, item in enumerate(order.settings.enqueue or ()):
        if not isinstance(item, Mapping):
            raise ConfigError(
                f"sweep.enqueue[{index}]={item} should be a group of overrides, such as "
                "sweep.enqueue=[{arch.depth: 8, arch.width: 16}]."
            )
        for key, value in item.items():
            if key in order.space.distributions and order.space.fixed(key, value) is None:
                raise ConfigError(
                    f"sweep.enqueue[{index}]: {key}={value} lies outside the space "
                    f"({order.space.distributions[key]})."
                )
        try:
            words = [f"{key}={value}" for key, value in item.items()]
            check_configuration(read_configuration(composer.compose(words)))
        except ConfigError as error:
            raise ConfigError(f"sweep.enqueue[{index}]: {error}") from error


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names."""
    if isinstance(node, Mapping):
        found: dict[str, Any] = {}
        for key, value in node.items():
            found |= flat(value, f"{prefix}{key}.")
        return found
    return {prefix.rstrip("."): node}
