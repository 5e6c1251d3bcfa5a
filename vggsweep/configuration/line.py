"""Check a whole command line before Hydra acts on it."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Glob, Override
from omegaconf import DictConfig, OmegaConf

from vggsweep.configuration.checks import check_configuration, check_name
from vggsweep.configuration.compose import compose, compose_with_hydra, expand_aliases, group_options
from vggsweep.configuration.hydra_node import (
    HYDRAS_PARTS,
    SWEEP_GROUPS,
    check_directions,
    check_hydra,
    params_of_stock_sweeper,
    refuse_words_of_sweeps,
    sweeper_of,
)
from vggsweep.configuration.idle import warn_of_idle_words
from vggsweep.configuration.logger_settings import check_mlflow_address
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.configuration.secrets import check_storage
from vggsweep.configuration.words import choice_values, parse, word
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.results.disk.layout import SINGLE_RUNS, sweep_directory

# A longer list of choices is checked at both ends: composing each would cost more than it saves.
MOST_CHOICES_CHECKED = 32
# A field that names sweeps, separated by commas.
WARM_START = "sweep.warm_start"
# A name made from a line has room for so many of the keys that it sweeps.
MOST_KEYS_NAMED = 4


@dataclass(frozen=True)
class Line:
    """The overrides of a command line, composed once as Hydra itself composes them.

    Args:
        typed: as typed.
        words: the same, short names spelt out.
        parsed: the same as Hydra reads them.
        config: with what is swept left out; its ``hydra`` node says which sweeper and launcher were chosen,
            on the line or in a file.
    """

    typed: tuple[str, ...]
    words: tuple[str, ...]
    parsed: tuple[Override, ...]
    config: DictConfig

    @property
    def hydra(self) -> DictConfig:
        return self.config.hydra  # type: ignore[no-any-return]

    def plain(self) -> dict[str, Any]:
        """The resolved configuration, with what is swept left out.

        Raises:
            ConfigError: a value refers to nothing.
        """
        return resolved(self.task())

    def task(self) -> DictConfig:
        """A copy of the configuration without Hydra's node, with what is swept left out."""
        task = OmegaConf.masked_copy(self.config, [str(key) for key in self.config if key != "hydra"])
        OmegaConf.set_struct(task, True)  # as Hydra has it
        return task

    @property
    def sweeper(self) -> str:
        return sweeper_of(self.hydra)

    @property
    def swept(self) -> list[Override]:
        return [override for override in self.parsed if override.is_sweep_override()]

    @property
    def fixed(self) -> list[str]:
        return [str(one.input_line) for one in self.parsed if not one.is_sweep_override()]


def read_line(
    words: Sequence[str], *, extra_dir: Path | None, config_name: str, is_sweep: bool = True
) -> Line:
    """Read the overrides of a line, and refuse what no part of it would obey.

    Raises:
        ConfigError: a word is no override, or Hydra's node is set in vain.
    """
    typed, words = words, [_with_listed_names(one) for one in expand_aliases(words)]
    parsed = parse(words)
    _refuse_secrets(parsed)
    refuse_fixed_and_swept(parsed)
    for override in parsed:
        if override.key_or_group == "hydra.mode":
            raise ConfigError(f"{override.input_line}: -m makes a line a sweep, leaving it out a single run.")
    swept = [override for override in parsed if is_sweep and override.is_sweep_override()]
    fixed = [text for text, one in zip(words, parsed, strict=True) if one not in swept]
    try:
        config = compose_with_hydra(fixed, extra_dir=extra_dir, config_name=config_name)
    except ConfigError as error:
        if (key := _field_of_swept_options(error, fixed, swept, extra_dir, config_name)) is None:
            raise
        raise ConfigError(
            f"Only the swept options have the field {key}, and Hydra composes the line without them first. "
            f"If all of them have it, two pluses set it: ++{key}=…; what one of them lacks belongs in a "
            "sweep of the others."
        ) from error
    check_hydra(config.hydra, sweeper=sweeper_of(config.hydra))
    return Line(tuple(typed), tuple(words), tuple(parsed), config)


def _with_listed_names(text: str) -> str:
    """``sweep.warm_start=a,b`` as a list: nothing of the sweep as a whole is varied.

    >>> _with_listed_names("sweep.warm_start=a,b"), _with_listed_names("arch.depth=4,8")
    ('sweep.warm_start=[a,b]', 'arch.depth=4,8')
    """
    if not text.startswith(f"{WARM_START}="):
        return text
    override = parse([text])[0]
    if not override.is_choice_sweep():
        return text
    return word(WARM_START, [str(value) for value in choice_values(override)])


def _field_of_swept_options(
    error: ConfigError,
    fixed: Sequence[str],
    swept: Sequence[Override],
    extra_dir: Path | None,
    config_name: str,
) -> str | None:
    """The fixed field that a line lacks only as long as nothing of what it sweeps is chosen."""
    unknown = re.match(r"Unknown field ([\w.]+)\.", str(error))
    if unknown is None:
        return None
    first = [f"{one.get_key_element()}={choices(one, extra_dir=extra_dir)[0]}" for one in swept]
    try:
        compose([*fixed, *first], extra_dir=extra_dir, config_name=config_name)
    except ConfigError:
        return None
    return unknown[1]


def check_run(overrides: Sequence[str], extra_dir: Path | None, config_name: str) -> list[str]:
    """Check the line of a single run.

    Returns:
        Further overrides for Hydra: the sweep's name where the line left it open.

    Raises:
        ConfigError: the line cannot work.
    """
    line = read_line(overrides, extra_dir=extra_dir, config_name=config_name, is_sweep=False)
    configuration = read_configuration(line.plain())
    check_configuration(configuration)
    why = "is for sweeps: add -m and something to vary (arch.depth=4,6,8)"
    refuse_words_of_sweeps(line.typed, line.parsed, why, also=HYDRAS_PARTS)
    # The device is known to the machine alone; asking it imports torch, so it comes last.
    from vggsweep.device import devices_of_ranks, resolve_device, resolve_precision
    from vggsweep.training.cuda_graph import check_cuda_graph

    device = resolve_device(configuration.device)
    devices_of_ranks(device, configuration.train.nproc)
    check_cuda_graph(configuration.train, device, resolve_precision(configuration.train.precision, device))
    warn_of_idle_words(configuration, line.parsed)
    name = named(configuration, overrides)
    if configuration.sweep.name is not None or name is None:
        return []
    # a sweep over the experiment is called by its name alone
    return [word("sweep.name", f"{name}-{SINGLE_RUNS}")]


def check_sweep(line: Line, extra_dir: Path | None, config_name: str) -> list[str]:
    """Check the line of one of Hydra's own sweepers: the first values together, then each other by itself.

    A combination that no network can have is no error here; its trial says so.

    Returns:
        Further overrides for Hydra: the sweep's name where the line left it open.

    Raises:
        ConfigError: no trial of this line can work.
    """
    why = f"is for our own sweeper; hydra/sweeper={line.sweeper} would not obey it"
    refuse_words_of_sweeps(line.typed, line.parsed, why)
    check_directions(line.hydra)
    typed = {override.key_or_group for override in line.parsed}
    params = [one for one in parse(params_of_stock_sweeper(line.hydra)) if one.key_or_group not in typed]
    swept = [*(one for one in params if one.is_sweep_override()), *line.swept]
    fixed = [*line.fixed, *(str(one.input_line) for one in params if one not in swept)]
    first = {override.get_key_element(): choices(override, extra_dir=extra_dir)[0] for override in swept}
    configuration = _read([*fixed, *_words(first)], extra_dir, config_name)
    _check_but_for_feasibility(configuration)
    for override in swept:
        key = override.get_key_element()
        for choice in choices(override, extra_dir=extra_dir)[1:]:
            other = _read([*fixed, *_words({**first, key: choice})], extra_dir, config_name)
            _check_but_for_feasibility(other)
    _say_what_is_left_out(configuration, line)
    warn_of_idle_words(configuration, line.parsed)
    name = named(configuration, line.words) or sweep_name(line.words, [one.key_or_group for one in swept])
    return [] if configuration.sweep.name else [word("sweep.name", name)]


def _say_what_is_left_out(configuration: Configuration, line: Line) -> None:
    """Name what an experiment says about sweeps and a stock sweeper does not obey."""
    usual = _read([], None, "config")
    nodes = [name for name in SWEEP_GROUPS if getattr(configuration, name) != getattr(usual, name)]
    if nodes:
        print(
            f"note: hydra/sweeper={line.sweeper} does not obey {', '.join(nodes)} of the experiment; our own "
            "sweeper does.",
            file=sys.stderr,
        )


def _refuse_secrets(parsed: Sequence[Override]) -> None:
    """Before any other refusal repeats the word."""
    for override in parsed:
        if override.key_or_group == "sweep.storage":
            check_storage(str(override.value()))
        elif override.key_or_group == "logger.mlflow.uri":
            check_mlflow_address(str(override.value()))


def named(configuration: Configuration, words: Sequence[str]) -> str | None:
    """The sweep's name: as the line or a file says it, else the experiment's; None where both are silent.

    Raises:
        ConfigError: it makes no directory.
    """
    if configuration.sweep.name is not None:
        check_name(configuration.sweep.name)
        return configuration.sweep.name
    name = experiment_name(words)
    try:
        check_name(name)
    except ConfigError as error:
        raise ConfigError(
            f"The experiment's name {name!r} makes no directory; give the sweep another: sweep.name=mine"
        ) from error
    return name


def experiment_name(overrides: Sequence[str]) -> str | None:
    """The experiment that a line chooses, its folders joined, or None.

    >>> experiment_name(["arch=vgg16", "experiment=d2l_vgg"]), experiment_name(["experiment=mnist/base"])
    ('d2l_vgg', 'mnist-base')
    """
    for override in reversed(parse(overrides)):
        group = override.key_or_group
        if (group == "experiment" or group.startswith("experiment/")) and not override.is_sweep_override():
            value = override.value()
            chosen = value if isinstance(value, list) else [value]
            folders = group.split("/")[1:]
            names = [str(name) for name in chosen if name is not None]
            return "-".join([*folders, *names]).replace("/", "-") if names else None
    return None


def sweep_name(overrides: Sequence[str], swept: Sequence[str]) -> str:
    """The name of a sweep without an experiment: what it varies, and a mark of its words.

    The same words find it again, in any order; so do those of a sweep that an earlier release named.

    >>> sweep_name(["arch.depth=4,8", "seed=1"], ["arch.depth"])
    'depth-fd96212d'
    """
    mark = hashlib.sha256("\n".join(sorted(overrides)).encode()).hexdigest()[:8]
    if sweep_directory(f"sweep-{mark}").path.is_dir():
        return f"sweep-{mark}"
    keys = [re.sub(r"[^A-Za-z0-9_]", "", re.split(r"[./]", key)[-1]) for key in swept]
    known = list(dict.fromkeys(key[:20] for key in keys if key))
    shown = known if len(known) <= MOST_KEYS_NAMED else [*known[: MOST_KEYS_NAMED - 1], "more"]
    return "-".join([*(shown or ["sweep"]), mark])


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
        values = [str(value) for value in choice_values(override)]
    if not values:
        raise ConfigError(f"{override.input_line!r} holds no value: the end of a range is left out.")
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
