"""Optuna's samplers, made from hydra-optuna-sweeper's configs, and what each cannot do."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import optuna
from hydra.utils import instantiate
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from vggsweep.arch.families import ArchSettings
from vggsweep.arch.settings import CustomSettings
from vggsweep.errors import ConfigError, SweepError
from vggsweep.importing import load_callable, own_words
from vggsweep.sweep.spec.objectives import Metric
from vggsweep.sweep.spec.search_space import SearchSpace

# What a sampler's config may instantiate; Hydra refuses everything else.
TRUSTED = ("hydra_plugins.hydra_optuna_sweeper.*", "optuna.samplers.*")
KNOWN_COST = "known_cost"
KNOWN_COST_TARGET = "vggsweep.sweep.search.known_cost.KnownCostSampler"
TARGET = "hydra.sweeper.sampler._target_"
# Optuna 5's own defaults, which the plugin's config still turns off; several workers need the second.
TPE_DEFAULTS = {"multivariate": True, "constant_liar": True}


def sampler_name(node: Mapping[str, Any]) -> str:
    """``tpe``, ``grid`` … from the node's target; the whole target of a person's own."""
    whole = sampler_target(node)
    if whole == KNOWN_COST_TARGET:
        return KNOWN_COST
    if not is_trusted(whole):
        return whole
    target = whole.rpartition(".")[2]
    for name in ("NSGAIII", "NSGAII", "TPE", "Random", "CmaEs", "Grid", "GP", "QMC"):
        if target.lower().startswith((name.lower(), f"create_{name.lower()}")):
            return name.lower()
    return target


def sampler_target(node: Mapping[str, Any]) -> str:
    """The dotted name of what makes the sampler."""
    return str(node.get("_target_", ""))


def is_trusted(target: str) -> bool:
    """Whether a sampler needs no permission: Optuna's, the sweeper plugin's and ours.

    >>> is_trusted("optuna.samplers.TPESampler"), is_trusted("my_package.TPESampler")
    (True, False)
    """
    return target == KNOWN_COST_TARGET or any(fnmatchcase(target, pattern) for pattern in TRUSTED)


def applicable_sampler(
    node: Mapping[str, Any], metrics: Sequence[Metric], space: SearchSpace, arch: ArchSettings
) -> tuple[dict[str, Any], str | None]:
    """The node of the sampler that a sweep gets, and why it is another than the given one.

    Args:
        node: as composed.
        metrics: of the objective.
        space: of the sweep.
        arch: of the networks.
    """
    reason = why_costs_are_unknown(metrics, space, arch)
    if sampler_name(node) != KNOWN_COST or reason is None:
        return dict(node), None
    from hydra_plugins.hydra_optuna_sweeper.config import TPESamplerConfig

    tpe = OmegaConf.to_container(OmegaConf.structured(TPESamplerConfig))
    assert isinstance(tpe, dict)
    return {**tpe, "seed": node.get("seed")}, reason


def why_costs_are_unknown(metrics: Sequence[Metric], space: SearchSpace, arch: ArchSettings) -> str | None:
    """Why no model of accuracy over a space of known costs can be made; None where it can."""
    if len(metrics) < 2:
        return f"it weighs accuracy against a cost, and the objective is {metrics[0].name} alone"
    if space.hook is not None:
        return "a space with a hook has parameters that it does not know beforehand"
    if isinstance(arch, CustomSettings):
        return "what an architecture of one's own costs is known only once it is built"
    return None


def check_sampler(node: Mapping[str, Any], metrics: Sequence[Metric], space: SearchSpace) -> None:
    """Refuse a sampler that cannot work with the objective or the space.

    Raises:
        ConfigError: naming what would work.
    """
    name = sampler_name(node)
    if name == "cmaes" and len(metrics) > 1:
        raise ConfigError(
            "hydra/sweeper/sampler=cmaes optimises one value, and this objective has "
            f"{len(metrics)} ({', '.join(metric.name for metric in metrics)}). "
            "Use tpe, nsgaii, gp, qmc or random, or objective=val_acc."
        )
    if name == "grid":
        if space.hook is not None:
            raise ConfigError("hydra/sweeper/sampler=grid cannot walk a space with a hook; use tpe.")
        for key, distribution in space.distributions.items():
            if isinstance(distribution, FloatDistribution) and distribution.step is None:
                raise ConfigError(
                    f"hydra/sweeper/sampler=grid cannot walk the interval of {key}. Give it steps with "
                    "range(start, stop, step) or choice(…), or use tpe, random, gp or qmc."
                )
    categorical = [k for k, d in space.distributions.items() if isinstance(d, CategoricalDistribution)]
    if name == "cmaes" and categorical and len(categorical) == len(space.distributions):
        raise ConfigError(
            f"hydra/sweeper/sampler=cmaes needs numbers, and {', '.join(categorical)} only has choices. "
            "Use tpe, random or grid."
        )


def fixing(sampler: optuna.samplers.BaseSampler, given: Mapping[str, Any]) -> optuna.samplers.BaseSampler:
    """A sampler that draws only what is not given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.PartialFixedSampler(dict(given), sampler)


def ask_sampler(
    study: optuna.Study, distributions: Mapping[str, BaseDistribution], target: str
) -> optuna.Trial:
    """Ask the study's sampler for a point.

    Raises:
        SweepError: a sampler of a person's own raises, or draws what does not lie in the space.
    """
    if is_trusted(target):
        return study.ask(dict(distributions))
    try:
        trial = study.ask(dict(distributions))
        params = trial.params
    except Exception as error:
        raise SweepError(f"{TARGET}={target} raised {own_words(error)}.") from error
    for name, distribution in distributions.items():
        if not distribution._contains(distribution.to_internal_repr(params[name])):
            raise SweepError(f"{TARGET}={target} drew {name}={params[name]}, which lies outside the space.")
    return trial


def build_sampler(
    node: Mapping[str, Any],
    chosen: Sequence[str],
    seed: int,
    number: int = 0,
    known_cost: Callable[[int], optuna.samplers.BaseSampler] | None = None,
    allowed: str | None = None,
) -> optuna.samplers.BaseSampler:
    """The sampler of a node for one suggestion.

    Everything that it knows of earlier suggestions it reads from the study, and what it draws depends on the
    seed and the suggestion's number alone: a sweep that was stopped and continued draws what it would have
    drawn in one go, and two workers never draw the same.

    Args:
        node: Hydra's node with ``_target_``.
        chosen: fields of it that a person set; they are left as they are.
        seed: used unless the person chose one.
        number: of the suggestion in the study.
        known_cost: makes the sampler of that name from a seed.
        allowed: the target of a person's own that a person permits.
    """
    values = dict(node)
    name = sampler_name(values)
    seed = seed if values.get("seed") is None else int(values["seed"])
    if name != "qmc":  # its points are one sequence, in which each takes the next place
        seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) % 2**31
    values["seed"] = seed
    if name == KNOWN_COST:
        assert known_cost is not None
        return known_cost(seed)
    if not is_trusted(name) and name == sampler_target(node):
        assert name == allowed, "checked before the sweep began"
        return _own_sampler(name, values, chosen)
    if name == "grid":  # the scheduler walks a grid by itself
        return optuna.samplers.RandomSampler(seed=seed)
    if name == "tpe":
        values |= {field: value for field, value in TPE_DEFAULTS.items() if field not in chosen}
        # Deprecated arguments only warn when they are given.
        taken = ("_target_", *inspect.signature(optuna.samplers.TPESampler).parameters)
        values = {key: value for key, value in values.items() if key in taken}
    if name == "qmc" and "scramble" not in chosen:
        values["scramble"] = True
    values = {key: value for key, value in values.items() if value is not None}
    for field in ("warn_independent_sampling", "warn_asynchronous_seeding"):
        if field in values:
            values[field] = False
    with warnings.catch_warnings():
        # A person who chose qmc by name need not be told that Optuna calls it experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: optuna.samplers.BaseSampler = instantiate(values, _execution_whitelist_=TRUSTED)
    return sampler


def _own_sampler(
    target: str, values: Mapping[str, Any], chosen: Sequence[str]
) -> optuna.samplers.BaseSampler:
    """A person's own sampler: a class, or a function that returns one, such as OptunaHub's.

    Args:
        target: its dotted name.
        values: of the node; those that it does not take are left out, unless a person set them.
        chosen: the fields that a person set.

    Raises:
        ConfigError: it cannot be loaded or made, or is no sampler.
    """
    make = load_callable(target, TARGET, "my_package.MySampler")
    try:
        parameters = dict(inspect.signature(make).parameters)
    except (TypeError, ValueError):  # written in C
        parameters = {}
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    arguments = {key: value for key, value in values.items() if key in parameters and value is not None}
    for key in chosen:
        if key != "_target_" and key in values:
            if key not in parameters and not takes_all:
                taken = ", ".join(parameters) or "none"
                raise ConfigError(f"{TARGET}={target} takes no argument {key}. It takes: {taken}.")
            arguments.setdefault(key, values[key])
    try:
        sampler = make(**arguments)
    except Exception as error:
        raise ConfigError(f"{TARGET}={target} raised {own_words(error)}.") from error
    if not isinstance(sampler, optuna.samplers.BaseSampler):
        raise ConfigError(
            f"{TARGET}={target} made a {type(sampler).__name__}; it should be an optuna.samplers.BaseSampler "
            "or a function that returns one."
        )
    return sampler
