"""From the words of a command line to one composed configuration, or one readable refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from vggsweep.configuration.locate import config_dir
from vggsweep.errors import ConfigError, near_match

# Groups of which several options add up.
COMPOSABLE_GROUPS = ("space", "experiment")
PLAIN_KEYS = ("seed", "device")
# What a wrong line, or a broken file of --config-dir, makes Hydra raise.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def compose(
    overrides: Sequence[str], *, extra_dir: Path | None = None, config_name: str = "config"
) -> DictConfig:
    """Compose one configuration as ``vggsweep OVERRIDES`` would.

    Args:
        overrides: Hydra overrides, such as ``["arch=vgg16", "train.epochs=3"]``.
        extra_dir: the directory of ``--config-dir``, searched after ours.
        config_name: the primary config.

    Returns:
        The composed configuration without its ``hydra`` node.

    Raises:
        ConfigError: the line does not compose; the text names the word and the near match.
    """
    with _hydra_at(config_dir()):
        return _compose_here(list(overrides), extra_dir, config_name, with_hydra=False)


def compose_with_hydra(
    overrides: Sequence[str], *, extra_dir: Path | None = None, config_name: str = "config"
) -> DictConfig:
    """As `compose`, with the ``hydra`` node that says which sweeper, sampler and launcher are chosen."""
    with _hydra_at(config_dir()):
        return _compose_here(list(overrides), extra_dir, config_name, with_hydra=True)


def expand_aliases(words: Sequence[str]) -> list[str]:
    """The words with the short names of ``hydra.aliases`` spelt out.

    >>> expand_aliases(["n_trials=5", "seed=1"])
    ['sweep.n_trials=5', 'seed=1']
    """
    with _hydra_at(config_dir()):
        aliases = _loader().get_override_aliases("config")
        return [aliases.expand(word) for word in words]


def group_options(group: str, *, extra_dir: Path | None = None) -> list[str]:
    """The options of a config group, ours and those of ``--config-dir``; empty where it is no group."""
    with _hydra_at(config_dir()):
        options = set(_options(group))
    if extra_dir is not None and (extra_dir / group).is_dir():
        options |= {path.stem for path in (extra_dir / group).glob("*.yaml")}
    return sorted(options)


@contextmanager
def _hydra_at(directory: Path) -> Iterator[None]:
    """Hydra's global state set to our config tree, and put back afterwards."""
    state = GlobalHydra.instance()
    outer = state.hydra  # inside a sweep Hydra itself is running
    state.clear()
    try:
        with initialize_config_dir(str(directory), job_name="vggsweep"):
            yield
    finally:
        state.hydra = outer


def _compose_here(
    overrides: list[str], extra_dir: Path | None, config_name: str, *, with_hydra: bool
) -> DictConfig:
    search = []
    if extra_dir is not None:
        if not extra_dir.is_dir():
            raise ConfigError(f"--config-dir {extra_dir} is not a directory.")
        search = [f"hydra.searchpath=[{_quoted(f'file://{extra_dir.resolve()}')}]"]
    try:
        config = hydra_compose(config_name, overrides=search + overrides, return_hydra_config=with_hydra)
    except COMPOSITION_ERRORS as error:
        raise _readable(error, overrides, search, config_name) from error
    _refuse_merged_options(overrides)
    return config


def _refuse_merged_options(overrides: list[str]) -> None:
    """Hydra would merge ``arch=[vgg11,vgg13]`` into a network that is neither."""
    for word in overrides:
        group, _, value = word.partition("=")
        if value.startswith("[") and group not in COMPOSABLE_GROUPS and _options(group):
            raise ConfigError(
                f"{word!r} would merge several options of {group} into one. Choose one, or sweep over them "
                f"with -m {group}={value.strip('[]')}."
            )


def _quoted(text: str) -> str:
    escaped = text.replace("'", "\\'")
    return f"'{escaped}'"


def _readable(error: Exception, overrides: list[str], search: list[str], config_name: str) -> ConfigError:
    """Hydra's refusal in one paragraph, with the near match where a word was misspelt."""
    try:
        parsed = [parse_override(word) for word in overrides]
    except ConfigError as unreadable:
        return unreadable
    for override in parsed:
        if override.is_sweep_override():
            return ConfigError(
                f"{override.input_line!r} holds several values: add -m to sweep over them, or quote them "
                f"to mean one text."
            )
        if (refusal := _misspelt_option(override)) is not None:
            return refusal
    groups = [word for word, one in zip(overrides, parsed, strict=True) if _is_group(one)]
    try:
        base = hydra_compose(config_name, overrides=search + groups)
    except COMPOSITION_ERRORS:
        return ConfigError(_first_paragraph(error))
    for override in parsed:
        if (refusal := _misspelt_field(override, base)) is not None:
            return refusal
    return ConfigError(_first_paragraph(error))


def parse_override(word: str) -> Override:
    """One word as Hydra reads it.

    Raises:
        ConfigError: the word is no override.
    """
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        if "NoneType is incompatible" in str(error):
            key = word.partition("=")[0]
            raise ConfigError(
                f"{word!r}: Hydra's functions take no null. Write the choices with commas: {key}=null,0.5."
            ) from error
        override = None
    if override is None or not override.key_or_group:
        raise ConfigError(
            f"{word!r} does not read as an override. Write key=value, such as train.epochs=3; "
            "quote the whole word when the value holds spaces, commas or brackets."
        )
    return override


def _loader() -> Any:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    return hydra.config_loader


def _is_group(override: Override) -> bool:
    return bool(_options(override.key_or_group))


def _options(group: str) -> list[str]:
    return sorted(_loader().get_group_options(group, ObjectType.CONFIG))


def _misspelt_option(override: Override) -> ConfigError | None:
    options = _options(override.key_or_group)
    chosen = "null" if override.value() is None else override.value()
    if not options or not isinstance(chosen, str) or chosen in options:
        return None
    group = override.key_or_group
    return ConfigError(f"{group}={chosen}: no such option. {near_match(chosen, options)}")


def _misspelt_field(override: Override, base: DictConfig) -> ConfigError | None:
    key = override.key_or_group
    if override.is_add() or key.startswith("hydra") or _is_group(override):
        return None
    names = field_names(base)
    if key in names or OmegaConf.select(base, key, default=names) is not names:
        return None
    parent = key.rpartition(".")[0]
    siblings = [name for name in names if parent and name.startswith(f"{parent}.")]
    known = siblings or [*PLAIN_KEYS, *_loader().list_groups(""), *names]
    if siblings:
        return ConfigError(f"Unknown field {key}. {near_match(key, siblings)}")
    close = near_match(key, known).split(" Valid: ")[0]
    hint = close if close.startswith("Did you") else "`vggsweep --help` lists the groups and fields."
    return ConfigError(f"Unknown field or group {key!r}. {hint}")


def field_names(config: DictConfig) -> list[str]:
    """Dotted names of all leaf fields of a configuration.

    >>> field_names(OmegaConf.create({"arch": {"depth": 8}, "seed": 0}))
    ['arch.depth', 'seed']
    """
    names = []
    for key in config:
        if OmegaConf.is_dict(config) and isinstance(child := config._get_node(key), DictConfig):
            names += (
                [f"{key!s}.{name}" for name in field_names(child)] if not child._is_none() else [str(key)]
            )
        else:
            names.append(str(key))
    return names


def _first_paragraph(error: Exception) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines()]
    if isinstance(error.__cause__, OmegaConfBaseException) and not any(lines):
        lines = [line.strip() for line in str(error.__cause__).strip().splitlines()]
    return " ".join(line for line in lines if line)
