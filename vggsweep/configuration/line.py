"""Check a whole command line before Hydra acts on it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Glob, Override

from vggsweep.configuration.checks import check_configuration, check_name, check_storage
from vggsweep.configuration.compose import compose, group_options, parse_override
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.results.layout import SINGLE_RUNS

# A longer list of choices is checked at both ends: composing each would cost more than it saves.
MOST_CHOICES_CHECKED = 32
# What only our own sweeper's workers obey.
WORDS_FOR_WORKERS = ("n_workers", "sweep.n_workers", "sweep.storage", "sweep.trial_timeout", "sweep.lease")


def check_run(overrides: Sequence[str], extra_dir: Path | None, config_name: str) -> list[str]:
    """Check the line of a single run.

    Returns:
        Further overrides for Hydra: the sweep's name where the line left it open.

    Raises:
        ConfigError: the line cannot work.
    """
    _refuse_words_for_workers(overrides, "is for sweeps: add -m and something to vary (arch.depth=4,6,8)")
    configuration = _read(overrides, extra_dir, config_name)
    check_configuration(configuration)
    # The device is known to the machine alone; asking it imports torch, so it comes last.
    from vggsweep.training.device import resolve_device, resolve_precision
    from vggsweep.training.step import check_cuda_graph

    device = resolve_device(configuration.device)
    check_cuda_graph(configuration.train, device, resolve_precision(configuration.train.precision, device))
    experiment = experiment_name(overrides)
    # a sweep over the experiment is called by its name alone
    name = configuration.sweep.name or (experiment and f"{experiment}-{SINGLE_RUNS}")
    check_name(name)
    return [] if configuration.sweep.name or name is None else [f"sweep.name={name}"]


def check_sweep(overrides: Sequence[str], extra_dir: Path | None, config_name: str) -> list[str]:
    """Check the line of a sweep: the first values together, then each other choice by itself.

    A combination that no network can have is no error here; its trial says so.

    Returns:
        Further overrides for Hydra: the sweep's name where the line left it open.

    Raises:
        ConfigError: no trial of this line can work.
    """
    parsed = parse(overrides)
    sweeper = stock_sweeper(overrides)
    _refuse_words_for_workers(overrides, f"is for our own sweeper; hydra/sweeper={sweeper} would not obey it")
    swept = [override for override in parsed if override.is_sweep_override()]
    refuse_fixed_and_swept(parsed)
    fixed = [str(override.input_line) for override in parsed if not override.is_sweep_override()]
    first = {override.get_key_element(): choices(override, extra_dir=extra_dir)[0] for override in swept}
    configuration = _read([*fixed, *_words(first)], extra_dir, config_name)
    _check_but_for_feasibility(configuration)
    for override in swept:
        key = override.get_key_element()
        for choice in choices(override, extra_dir=extra_dir)[1:]:
            other = _read([*fixed, *_words({**first, key: choice})], extra_dir, config_name)
            _check_but_for_feasibility(other)
    name = configuration.sweep.name or experiment_name(overrides) or sweep_name(overrides)
    check_name(name)
    return [] if configuration.sweep.name else [f"sweep.name={name}"]


def _refuse_words_for_workers(overrides: Sequence[str], why: str) -> None:
    """A setting that would be ignored is refused."""
    for word, override in zip(overrides, parse(overrides), strict=True):
        if override.key_or_group in WORDS_FOR_WORKERS:
            check_storage(str(override.value()))  # before the word is repeated
            raise ConfigError(f"{word} {why}.")


def parse(overrides: Sequence[str]) -> list[Override]:
    """The words as Hydra reads them.

    Raises:
        ConfigError: a word is no override.
    """
    return [parse_override(word) for word in overrides]


def experiment_name(overrides: Sequence[str]) -> str | None:
    """The experiment that a line chooses, or None.

    >>> experiment_name(["arch=vgg16", "experiment=d2l_vgg"])
    'd2l_vgg'
    """
    for override in reversed(parse(overrides)):
        if override.key_or_group == "experiment" and not override.is_sweep_override():
            value = override.value()
            if isinstance(value, list):
                return "-".join(map(str, value)) or None
            return str(value) if value is not None else None
    return None


def stock_sweeper(overrides: Sequence[str]) -> str | None:
    """The stock Hydra sweeper that a line chooses (``basic``, ``optuna``), or None for ours.

    >>> stock_sweeper(["hydra/sweeper=basic", "seed=1"])
    'basic'
    """
    for override in reversed(parse(overrides)):
        if override.key_or_group == "hydra/sweeper":
            return None if override.value() == "vggsweep" else str(override.value())
    return None


def sweep_name(overrides: Sequence[str]) -> str:
    """The name of a sweep without an experiment: the same words find it again, in any order.

    >>> sweep_name(["arch.depth=4,8", "seed=1"]) == sweep_name(["seed=1", "arch.depth=4,8"])
    True
    """
    words = "\n".join(sorted(overrides))
    return f"sweep-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def choices(override: Override, *, extra_dir: Path | None = None) -> list[str]:
    """Some values of a swept override as words: all of a short list, both ends of anything longer.

    Raises:
        ConfigError: a ``glob`` matches no option of its group.
    """
    value = override.value()
    if override.is_interval_sweep():
        return [str(value.start), str(value.end)]  # type: ignore[union-attr]
    if isinstance(value, Glob):
        values = value.filter(group_options(override.key_or_group, extra_dir=extra_dir))
        if not values:
            raise ConfigError(f"{override.input_line!r} matches no option of {override.key_or_group}.")
    else:
        values = [str(value) for value in override.sweep_string_iterator()]
    return values if len(values) <= MOST_CHOICES_CHECKED else [values[0], values[-1]]


def _words(values: dict[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def refuse_fixed_and_swept(parsed: Sequence[Override]) -> None:
    """Refuse a key that one line both fixes and sweeps.

    Raises:
        ConfigError: naming both words.
    """
    swept = {override.key_or_group: override for override in parsed if override.is_sweep_override()}
    for override in parsed:
        other = swept.get(override.key_or_group)
        if other is not None and other is not override:
            raise ConfigError(
                f"{override.key_or_group} is given twice: {override.input_line!r} and {other.input_line!r}. "
                "Keep one."
            )


def _read(words: Sequence[str], extra_dir: Path | None, config_name: str) -> Configuration:
    return read_configuration(resolved(compose(words, extra_dir=extra_dir, config_name=config_name)))


def _check_but_for_feasibility(configuration: Configuration) -> None:
    try:
        check_configuration(configuration)
    except InfeasibleConfig:
        return
