"""Results of earlier sweeps: a configuration that was trained there to its end need not be trained again.

A result fits a trial where everything that decides a training is equal, the seed and the data included; how
the configuration was searched for (space, objective, pruner, the sweep itself) does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.identity import (
    FILES_LEFT,
    NODES_WITHOUT_EFFECT,
    SEARCH_NODES,
    training_hash,
    without_idle_fields,
)
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, find_sweep
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.objectives import Metric, mean_values, objective_values
from vggsweep.sweep.spec.saved_spec import flat
from vggsweep.sweep.spec.search_space import Params, SearchSpace

# A sentence about what does not fit names so many fields.
MOST_FIELDS = 4
# Nodes of a configuration that do not part two trainings.
NOT_COMPARED = (*NODES_WITHOUT_EFFECT, *SEARCH_NODES)
# Fields of others in which two trainings may differ.
UNLIKE_BUT_EQUAL = (
    *("dataset.root", "dataset.path", "dataset.download", "train.cuda_graph", "train.nproc"),
    *(f"train.{name}" for name in FILES_LEFT),
)
# What decides a training; the threshold decides one of its figures.
Key = tuple[str, Any, str]


@dataclass(frozen=True)
class EarlierResult:
    """A configuration that an earlier sweep trained to its end.

    Args:
        name: of the sweep's directory.
        directory: of its trial.
        record: COMPLETE.
    """

    name: str
    directory: TrialDirectory
    record: Record

    @property
    def source(self) -> str:
        """Where it is from, for people: ``quickstart/7``."""
        return f"{self.name}/{int(self.directory.path.name)}"

    def suffices(self, plain: Mapping[str, Any], metrics: tuple[Metric, ...]) -> bool:
        """Whether it has all that a trial of this configuration would have; no checkpoint is left to keep."""
        measure, train = plain["measure"], plain["train"]
        is_measured = measure["name"] == "none" or measure == self.record.configuration.get("measure")
        has_weights = self.record.weights_sha256 is not None or not train["keep_weights"]
        has_values = objective_values(metrics, self.record) is not None
        return has_values and is_measured and has_weights and not train["keep_checkpoint"]


@dataclass(frozen=True)
class KnownPoint:
    """A point of a space whose result is known before the sweep trains it.

    Args:
        point: its parameters, as the space spells them.
        values: of the objective; of several seeds, their mean.
        is_free: whether the result is taken over instead of trained.
    """

    point: Params
    values: tuple[float, ...]
    is_free: bool


def earlier_sweeps(names: object, own: SweepDirectory) -> tuple[Path, ...]:
    """The directories that ``sweep.warm_start`` names.

    Args:
        names: null, a name, or several; each may hold several, separated by commas.
        own: the directory of the sweep itself.

    Raises:
        ConfigError: a name leads to no sweep, or to the sweep itself.
    """
    items = [] if names is None else names if isinstance(names, list | tuple) else [names]
    if any(not isinstance(item, str | int) or isinstance(item, bool) for item in items):
        raise ConfigError(
            f"sweep.warm_start={names} should be the name of a sweep under outputs/, or several with commas "
            "between them."
        )
    words = [word.strip() for item in items for word in str(item).split(",")]
    found: list[Path] = []
    for word in filter(None, words):
        if (own.path.parent / word).resolve() == own.path or Path(word).resolve() == own.path:
            raise ConfigError(
                f"sweep.warm_start={word} is this sweep itself, which goes on from its own results anyway. "
                "Name an earlier one, or give this one another name: sweep.name=…"
            )
        try:
            path = find_sweep(word).path
        except ConfigError as error:
            raise ConfigError(f"sweep.warm_start={word}: {error}") from None
        if path not in found:
            found.append(path)
    return tuple(found)


class WarmStart:
    """What earlier sweeps found.

    Args:
        directories: of the sweeps; where two have the same training, the first one's counts.
        fingerprints: of this sweep's data.
    """

    def __init__(self, directories: Sequence[Path], fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints
        self._results: dict[Key, EarlierResult] = {}
        self._by_sweep = {path: _completed(path) for path in directories}
        for one in chain.from_iterable(self._by_sweep.values()):
            self._results.setdefault(_key_of(one.record), one)

    def result_of(self, plain: Mapping[str, Any], metrics: tuple[Metric, ...]) -> EarlierResult | None:
        """The result that a trial of this configuration can take over, or None."""
        found = self._results.get(self._key(plain)) if self._results else None
        return found if found is not None and found.suffices(plain, metrics) else None

    def known_points(
        self, space: SearchSpace, composer: Composer, metrics: tuple[Metric, ...], seeds: Sequence[int]
    ) -> list[KnownPoint]:
        """The points of a space that earlier sweeps have trained, in their order.

        Args:
            space: of this sweep.
            composer: of its configurations.
            metrics: of its objective; a result that lacks one is left out.
            seeds: with which this sweep trains each point; others are other trainings.
        """
        points = []
        for words, point in self._points(space, composer, self._results.values()).items():
            plains = [composer.compose([*words, f"seed={seed}"]) for seed in seeds]
            results = [self._results.get(self._key(plain)) for plain in plains]
            values = [objective_values(metrics, one.record) for one in results if one is not None]
            if told := list(filter(None, values)):
                is_free = self.result_of(plains[0], metrics) is not None
                points.append(KnownPoint(point, tuple(mean_values(told)), is_free))
        return points

    def misfits(self, space: SearchSpace, composer: Composer, base: Mapping[str, Any]) -> list[str]:
        """A sentence for each sweep of which nothing fits a space without a hook, and why.

        Args:
            space: of this sweep.
            composer: of its configurations.
            base: its configuration.
        """
        said = []
        for path, found in self._by_sweep.items():
            if not found:
                said.append(f"nothing in {path.name} fits: it has no finished trial.")
            elif not self._points(space, composer, found):
                why = min((self._differences(one.record, space, base) for one in found), key=len)
                more = f" and {len(why) - MOST_FIELDS} more" if len(why) > MOST_FIELDS else ""
                verb = "differs" if len(why) == 1 and why != ["data"] else "differ"
                said.append(f"nothing in {path.name} fits: its {', '.join(why[:MOST_FIELDS])}{more} {verb}.")
        return said

    def _key(self, plain: Mapping[str, Any]) -> Key:
        return training_hash(plain), plain["train"].get("threshold_acc"), self._fingerprints.of(plain).digest

    def _points(
        self, space: SearchSpace, composer: Composer, results: Iterable[EarlierResult]
    ) -> dict[tuple[str, ...], Params]:
        """The points that were trained, whatever the seed, by their words."""
        points: dict[tuple[str, ...], Params] = {}
        for one in results:
            point = None if space.hook is not None else _point_of(one.record, space)
            if point is None:
                continue
            words = tuple(space.words(point))
            if words in points:
                continue
            with suppress(ConfigError):
                seed = one.record.configuration.get("seed")
                if self._key(composer.compose([*words, f"seed={seed}"])) == _key_of(one.record):
                    points[words] = point
        return points

    def _differences(self, record: Record, space: SearchSpace, base: Mapping[str, Any]) -> list[str]:
        """The fields in which a record is none of a sweep's."""
        if _point_of(record, space) is None:
            outside = [name for name in space.distributions if _value_of(name, record, space) is None]
            return [name.lstrip("+") for name in outside]
        swept = {name.lstrip("+") for name in space.distributions}
        before, now = (
            flat({k: v for k, v in without_idle_fields(plain).items() if k not in NOT_COMPARED})
            for plain in (record.configuration, base)
        )
        differing = [
            key
            for key in sorted(before.keys() | now.keys())
            if before.get(key) != now.get(key)
            and not any(key == field or key.startswith(f"{field}.") for field in swept)
            and key not in UNLIKE_BUT_EQUAL
        ]
        # of another option of a group, the group says enough
        groups = {key.removesuffix(".name") for key in differing if key.endswith(".name")}
        differing = sorted(
            {key.partition(".")[0] if key.partition(".")[0] in groups else key for key in differing}
        )
        same_data = record.data_fingerprint == self._fingerprints.of(base).digest
        return [*(() if same_data else ("data",)), *differing] or ["settings"]


def _completed(path: Path) -> list[EarlierResult]:
    """The COMPLETE records of a sweep with a fingerprint of their data, by number."""
    sweep = SweepDirectory(path)
    found = []
    for number in sweep.begun_trials():
        directory = sweep.trial(number)
        record = readable_record(directory.record)
        if record is not None and record.state == "COMPLETE" and record.data_fingerprint is not None:
            found.append(EarlierResult(sweep.name, directory, record))
    return found


def _key_of(record: Record) -> Key:
    plain = record.configuration
    return training_hash(plain), plain.get("train", {}).get("threshold_acc"), str(record.data_fingerprint)


def _point_of(record: Record, space: SearchSpace) -> Params | None:
    """A record's place in a space; None where it lies outside."""
    point = {name: _value_of(name, record, space) for name in space.distributions}
    return None if any(value is None for value in point.values()) else point


def _value_of(name: str, record: Record, space: SearchSpace) -> Any:
    """A record's value of one parameter, as the space spells it: a field's, or the option of a group."""
    field = name.lstrip("+")
    node: Any = record.configuration
    for key in field.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    option = node.get("name") if isinstance(node, Mapping) else node
    for value in (record.swept.get(field), option):
        if value is not None and (matched := space.match_value(name, value)) is not None:
            distribution = space.distributions[name]
            if isinstance(distribution, CategoricalDistribution):
                return matched
            return distribution.to_external_repr(distribution.to_internal_repr(matched))
    return None
