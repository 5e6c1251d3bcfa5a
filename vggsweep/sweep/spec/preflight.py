"""What can be known to be wrong with a sweep before it has a directory."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import FloatDistribution

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.idle import idle_fields
from vggsweep.configuration.line import Line
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.configuration.words import pasted
from vggsweep.errors import ConfigError, InfeasibleConfig, SweepError, near_match
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.fair_rates import check_fair_rates
from vggsweep.sweep.spec.pruners import check_pruner
from vggsweep.sweep.spec.samplers import (
    KNOWN_COST,
    build_sampler,
    check_sampler,
    is_trusted,
    sampler_name,
    sampler_target,
    why_costs_are_unknown,
)
from vggsweep.sweep.spec.search_space import draw_point, load_hook
from vggsweep.sweep.spec.spec import WHOLE_NODES, SweepSpec, space_setter, spec_of_line
from vggsweep.sweep.storage.rdb import check_address

ALLOW_SAMPLER = "sweep.allow_sampler="
# A space whose tried points cannot exist is walked this far for one that can.
MOST_POINTS_TRIED = 200
BETWEEN = 0.381966  # where to try an interval besides its ends; no round number lies there


def checked_spec(line: Line, *, extra_dir: Path | None, config_name: str, command: str) -> SweepSpec:
    """Read and check the sweep of ``vggsweep -m``.

    Args:
        line: its words, also those of ``hydra.``.
        extra_dir: the directory of ``--config-dir``.
        config_name: the primary config.
        command: the line as typed.

    Raises:
        ConfigError: the line cannot work; nothing has been written.
    """
    spec = spec_of_line(line, extra_dir=extra_dir, config_name=config_name, command=command)
    base = read_configuration(spec.base)
    if spec.settings.n_workers > 1 and sys.platform == "win32":
        raise ConfigError(
            f"n_workers={spec.settings.n_workers}: on Windows a worker cannot be given the pipe in which it "
            "speaks. Give the same command, without n_workers, in several terminals: they join one sweep. "
            "Linux in WSL has workers."
        )
    if spec.settings.keep is not None and spec.base["train"]["keep_weights"]:
        raise ConfigError(
            "train.keep_weights=true keeps the weights of every trial, and sweep.keep="
            f"{spec.settings.keep} those of the front. Leave one of them out."
        )
    if spec.settings.storage is not None:
        check_address(spec.directory, spec.settings.storage)
    metrics = spec.metrics
    check_pruner(spec.pruner, metrics)
    _check_permission(spec)
    check_sampler(spec.sampler, metrics, spec.space)
    unknown = why_costs_are_unknown(metrics, spec.space, base.arch)
    if spec.settings.stop is not None and unknown is not None:
        raise ConfigError(
            f"sweep.stop={spec.settings.stop} cannot judge this sweep: {unknown}. Leave it out; "
            "sweep.timeout ends a sweep by the clock."
        )
    if "latency_ms_p50" in [metric.name for metric in metrics] and base.measure.name == "none":
        raise ConfigError("objective=acc_vs_latency needs latencies, and measure=none takes none.")
    if spec.space.hook is not None:
        load_hook(spec.space.hook)
    if spec.space.is_empty and not spec.settings.enqueue:
        raise ConfigError(
            "-m needs something to vary: sweep a field (arch.depth=4,6,8), choose a space "
            "(space=depth_width) or an experiment that has one (experiment=quickstart)."
        )
    check_fair_rates(spec)
    _check_choices(spec, line)
    _check_hook(spec)
    _check_enqueued(spec)
    _check_prior(spec)
    return spec


def _check_permission(spec: SweepSpec) -> None:
    """Refuse a sampler of a person's own without permission, and one that cannot be made.

    The permission is typed: a file that names a sampler cannot permit it too.
    """
    target, allowed = sampler_target(spec.sampler), spec.settings.allow_sampler
    is_typed = any(word.lstrip("+").startswith(ALLOW_SAMPLER) for word in spec.fixed)
    if is_trusted(target):
        if allowed is not None:
            raise ConfigError(
                f"{ALLOW_SAMPLER}{allowed} permits a sampler that this sweep does not have; add "
                f"hydra.sweeper.sampler._target_={allowed}, or leave it out."
            )
        return
    if allowed != target or not is_typed:
        found = "nothing permits it"
        if allowed is not None:
            found = f"what is permitted is {allowed}" if allowed != target else "a file cannot permit it"
        raise ConfigError(
            f"hydra.sweeper.sampler._target_={target} is neither Optuna's nor ours, so that it would run "
            f"code that a file may have brought, and {found}. If you trust it, type {ALLOW_SAMPLER}{target}."
        )
    build_sampler(spec.sampler, spec.sampler_fields, spec.seed, allowed=allowed)


def _check_choices(spec: SweepSpec, line: Line) -> None:
    """Each value of each parameter by itself beside the first of the others; infeasible ones may pass."""
    if spec.space.is_empty:  # the configurations of sweep.enqueue are checked one by one
        return
    composer = spec.composer
    reasons: list[str] = []
    idle: list[Mapping[str, Any]] = []
    is_any_feasible = False
    for name, point in _points_to_try(spec):
        try:
            configuration = _configuration(spec, point, composer)
            idle.append(idle_fields(configuration))
            check_configuration(configuration)
            is_any_feasible = True
        except InfeasibleConfig as error:
            reasons.append(str(error))
        except ConfigError as error:
            raise _explained(error, spec, name, point, line) from error
    try:
        _refuse_idle(spec, idle)
    except ConfigError as error:
        raise _blamed(error, spec, line) from error
    if spec.space.hook is None and not is_any_feasible and not _is_any_feasible(spec, composer):
        raise ConfigError(f"No trial of this sweep can exist. The first: {reasons[0]}")


def _points_to_try(spec: SweepSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    names = list(spec.space.distributions)
    first = {name: _some_values(spec, name)[0] for name in names}
    if not names:  # a hook draws everything
        yield "", {}
    tried = []
    for name in names:
        for value in _some_values(spec, name):
            point = {**first, name: value}
            if (words := spec.space.words(point)) not in tried:
                tried.append(words)
                yield name, point


def _some_values(spec: SweepSpec, name: str) -> Sequence[Any]:
    """All values of a choice, both ends of a range or an interval and one between them."""
    distribution = spec.space.distributions[name]
    if hasattr(distribution, "choices"):
        return list(distribution.choices)
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if isinstance(distribution, FloatDistribution) and low < high:
        return [low, high, low + step if step else low + BETWEEN * (high - low)]
    return [low, high]


def _configuration(spec: SweepSpec, point: Mapping[str, Any], composer: Composer) -> Configuration:
    plain = composer.compose(spec.space.words(point))
    for node in ("sweep", "objective", "pruner", "space"):
        if plain[node] != spec.base[node]:
            raise ConfigError(
                f"{' '.join(spec.space.words(point))} brings another {node} of its own, and a sweep has "
                "one. Sweep over each by itself."
            )
    # one that an earlier release began goes on
    if plain["train"]["evaluate_test"] and not spec.directory.settings.exists():
        raise ConfigError(
            "train.evaluate_test=true in a sweep would open the test set for every network of the search, "
            "where the best of them would be chosen by it. Leave it out: `vggsweep confirm` opens it once "
            "for each of the networks that were chosen."
        )
    return read_configuration(plain)


def _explained(
    error: ConfigError, spec: SweepSpec, name: str, point: Mapping[str, Any], line: Line
) -> ConfigError:
    """The refusal of one point, with what a person could not know from the text alone."""
    distribution = spec.space.distributions.get(name)
    if isinstance(distribution, FloatDistribution) and "should be a whole number" in str(error):
        low, high = distribution.low, distribution.high
        if low.is_integer() and high.is_integer() and point[name] not in (low, high):
            advice = pasted(f"{name}=range({low:.0f},{high + 1:.0f})")
            return ConfigError(
                f"{name}=interval({low:g},{high:g}) tries any number between, and {name} is a whole one: "
                f"{advice}"
            )
    return _blamed(error, spec, line)


def _blamed(error: ConfigError, spec: SweepSpec, line: Line) -> ConfigError:
    """A refusal that names a field of the ``space`` group, with what varies it: nobody typed it."""
    taken = {override.key_or_group for override in line.parsed}
    for key in spec.base["space"]["params"] or {}:
        field = str(key).lstrip("+")
        is_named = re.search(rf"(?<![\w.]){re.escape(field)}(?!\w)", str(error)) is not None
        if is_named and field in spec.space.distributions and field not in taken:
            advice = " Leave that space out, or choose what has the field." if "Unknown" in str(error) else ""
            return ConfigError(
                f"{field} is varied by {space_setter(line)}, not by a word of this line: {error}{advice}"
            )
    return error


def _refuse_idle(spec: SweepSpec, idle: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a swept field that another one makes idle, so that its trials would be one and the same."""
    for name in spec.space.distributions:
        field = name.lstrip("+")
        found = [point[field] for point in idle if field in point]
        if found and (len(found) == len(idle) or found[0].is_network):
            raise ConfigError(
                f"{field} is swept but changes nothing: {found[0].because}. Leave one of them out."
            )


def _is_any_feasible(spec: SweepSpec, composer: Composer) -> bool:
    """Whether a point that was not tried yet can exist; taken for granted where there are many."""
    size = spec.space.size
    if size is None or size > MOST_POINTS_TRIED:
        return True
    for point in spec.space.points():
        try:
            check_configuration(_configuration(spec, point, composer))
        except ConfigError:
            continue
        return True
    return False


def _check_hook(spec: SweepSpec) -> None:
    """Draw one point with the hook: a slip in it shows before the sweep has a directory."""
    name = spec.space.hook
    if name is None:
        return
    logging.getLogger("optuna").setLevel(logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=spec.seed))
    try:
        point = draw_point(spec.space, study)
        configuration = _configuration(spec, point, spec.composer)
        _refuse_idle(spec, [idle_fields(configuration)])
        check_configuration(configuration)
    except InfeasibleConfig:
        return
    except SweepError as error:
        raise ConfigError(str(error)) from error
    except ConfigError as error:
        raise ConfigError(f"space.hook={name}: {error}") from error


def _check_enqueued(spec: SweepSpec) -> None:
    space, composer = spec.space, spec.composer
    for index, item in enumerate(spec.settings.enqueue or ()):
        if not isinstance(item, Mapping):
            raise ConfigError(
                f"sweep.enqueue[{index}]={item} should be a group of overrides, such as "
                "sweep.enqueue=[{arch.depth: 8, arch.width: 16}]."
            )
        point = {}
        for key, value in item.items():
            if str(key).partition(".")[0] in WHOLE_NODES:
                raise ConfigError(f"sweep.enqueue[{index}]: {key} belongs to the sweep as a whole.")
            if key == "seed" and spec.settings.replicates > 1:
                raise ConfigError(
                    f"sweep.enqueue[{index}]: sweep.replicates={spec.settings.replicates} trains each "
                    "configuration with several seeds, from seed= on; leave seed out here."
                )
            point[key] = space.match_value(key, value) if key in space.distributions else value
            if key in space.distributions and point[key] is None:
                raise ConfigError(
                    f"sweep.enqueue[{index}]: {key}={value} lies outside the space ({space.in_words()[key]})."
                )
        try:
            check_configuration(_configuration(spec, point, composer))
        except ConfigError as error:
            raise ConfigError(f"sweep.enqueue[{index}]: {error}") from error


def _check_prior(spec: SweepSpec) -> None:
    """Refuse a guess that is no value of the space, or that nobody would read."""
    prior, space = spec.settings.prior, spec.space
    if prior is None:
        return
    if not isinstance(prior, Mapping) or not prior:
        raise ConfigError(
            f"sweep.prior={prior} should be values of swept parameters, such as "
            "sweep.prior={arch.depth: 8}."
        )
    for key, value in prior.items():
        if key not in space.distributions:
            raise ConfigError(
                f"sweep.prior: {key} is not swept. {near_match(str(key), map(str, space.distributions))}"
            )
        if space.match_value(key, value) is None:
            raise ConfigError(f"sweep.prior: {key}={value} lies outside the space ({space.in_words()[key]}).")
    if (name := sampler_name(spec.sampler)) != KNOWN_COST:
        why = f" ({spec.sampler_note})" if spec.sampler_note else ""
        raise ConfigError(
            f"sweep.prior guides hydra/sweeper/sampler=known_cost alone, and this sweep's sampler is "
            f"{name}{why}. Leave it out; sweep.enqueue=[{{…}}] trains a network first with any sampler."
        )
