"""From the words of a command line to one composed configuration, or one readable refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from vggsweep.configuration.locate import config_dir
from vggsweep.configuration.refusal import Reader, closest, field_names, first_paragraph
from vggsweep.configuration.words import parse, pasted, word
from vggsweep.errors import ConfigError

# Groups of which several options add up.
COMPOSABLE_GROUPS = ("space", "experiment", "logger")
SEARCH_PATH = "hydra.searchpath"
# Hydra's name for what --config-dir adds to its search path.
COMMAND_LINE = "command-line"
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
    config = compose_with_hydra(overrides, extra_dir=extra_dir, config_name=config_name)
    with open_dict(config):
        del config["hydra"]
    return config


def compose_with_hydra(
    overrides: Sequence[str], *, extra_dir: Path | None = None, config_name: str = "config"
) -> DictConfig:
    """As `compose`, with the ``hydra`` node that says which sweeper, sampler and launcher are chosen."""
    words = list(overrides)
    with hydra_at(extra_dir):
        try:
            config = hydra_compose(config_name, overrides=words, return_hydra_config=True)
        except COMPOSITION_ERRORS as error:
            raise _readable(error, words, extra_dir, config_name) from error
        _refuse_merged_options(overrides)
    _settle_hydras_values(config)
    return config


def expand_aliases(words: Sequence[str]) -> list[str]:
    """The words with the short names of ``hydra.aliases`` spelt out.

    >>> expand_aliases(["n_trials=5", "seed=1"])
    ['sweep.n_trials=5', 'seed=1']
    """
    with hydra_at():
        aliases = _loader().get_override_aliases("config")
        return [aliases.expand(word) for word in words]


def group_options(group: str, *, extra_dir: Path | None = None) -> list[str]:
    """The options of a config group, ours and those of ``--config-dir``; empty where it is no group."""
    with hydra_at(extra_dir):
        return _options(group)


def search_places(extra_dir: Path | None = None) -> list[Path]:
    """The folders of Hydra's search path, ours first, that of ``--config-dir`` last.

    Raises:
        ConfigError: the directory of ``--config-dir`` is none.
    """
    with hydra_at(extra_dir):
        return [Path(one.path) for one in _loader().get_sources() if one.scheme() == "file"]


def field_of_flag(flag: str) -> str | None:
    """The field that a flag of other programs means.

    >>> field_of_flag("epochs"), field_of_flag("lr"), field_of_flag("frobnicate")
    ('train.epochs', 'optimizer.lr', None)
    """
    name = flag.replace("-", "_")
    return closest(name, name.rpartition(".")[2], field_names(compose([])))


@contextmanager
def hydra_at(extra_dir: Path | None = None) -> Iterator[Hydra]:
    """Hydra itself, set to our config tree; what its globals held is put back afterwards.

    Hydra may be running already: a sweep of ours composes its trials, and an application of a person's own
    may call us.

    Args:
        extra_dir: the directory of ``--config-dir``, searched after ours.

    Raises:
        ConfigError: that is no directory.
    """
    if extra_dir is not None and not extra_dir.is_dir():
        raise ConfigError(f"--config-dir {extra_dir} is not a directory.")
    path = create_config_search_path(str(config_dir()))
    if extra_dir is not None:  # in the place where Hydra's own command line puts it
        own = f"file://{extra_dir.resolve()}"
        path.prepend(provider=COMMAND_LINE, path=own, anchor=SearchPathQuery(provider="schema"))
    state, runtime = GlobalHydra.instance(), JobRuntime.instance()
    outer, outer_name = state.hydra, runtime.get("name")
    state.clear()
    try:
        yield Hydra.create_main_hydra2("vggsweep", path)
    finally:
        state.hydra = outer
        runtime.set("name", outer_name)


def _settle_hydras_values(config: DictConfig) -> None:
    """Put Hydra's own values (``${hydra:runtime.choices.arch}``) where the configuration names them.

    Raises:
        ConfigError: the value is known later, or is named in a way that no trial could follow.
    """
    task = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    found = list(_texts_naming_hydra(OmegaConf.to_container(task, resolve=False)))
    if not found:
        return
    outer = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        for key, text in found:
            if re.search(r"\$\{\.*hydra\.", text) or re.search(r"hydra:job\.(num|id)\b", text):
                raise ConfigError(_unknown_before_trials(key, text))
            try:
                value = OmegaConf.select(config, key, throw_on_resolution_failure=True)
            except OmegaConfBaseException as error:
                raise ConfigError(f"{key}={text}: {first_paragraph(error)}") from error
            OmegaConf.update(config, key, value)
    finally:
        HydraConfig.instance().cfg = outer


def _texts_naming_hydra(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of each value that refers to Hydra's node."""
    if isinstance(node, dict):
        for key, child in node.items():
            if "." not in str(key):  # a parameter of a space; it is composed when it is tried
                yield from _texts_naming_hydra(child, f"{path}.{key}".lstrip("."))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _texts_naming_hydra(child, f"{path}[{index}]")
    elif isinstance(node, str) and re.search(r"\$\{\.*hydra[.:]", node):
        yield path, node


def _unknown_before_trials(key: str, text: str) -> str:
    inside = re.search(r"hydra[.:]([\w./-]+)", text)
    name = inside[1] if inside else "…"
    if name.startswith(("job.num", "job.id")):
        return (
            f"{key}={text}: hydra.{name} is unknown before trials have numbers, and all trials of a sweep "
            f"share one configuration. Leave it out; each trial has a directory of its own."
        )
    return f"{key}={text}: Hydra's own values are written with a colon: ${{hydra:{name}}}."


def _refuse_merged_options(overrides: Sequence[str]) -> None:
    """Hydra would merge ``arch=[vgg11,vgg13]`` into a network that is neither."""
    for text in overrides:
        group, _, value = text.partition("=")
        if value.startswith("[") and group not in COMPOSABLE_GROUPS and _options(group):
            raise ConfigError(
                f"{text!r} would merge several options of {group} into one. Choose one, or sweep over them "
                f"with -m {group}={value.strip('[]')}."
            )


def _readable(error: Exception, words: list[str], extra_dir: Path | None, config_name: str) -> ConfigError:
    """Hydra's refusal in one paragraph, with the near match where a word was misspelt."""
    try:
        parsed = parse(words)
    except ConfigError as unreadable:
        return unreadable
    reader = Reader(
        lambda group: sorted({*_options(group), *_nested_options(group, extra_dir)}),
        lambda: _loader().list_groups(""),
        _fields_of,
    )
    for override in parsed:
        if override.is_sweep_override():
            return ConfigError(_several_values(override))
        if (refusal := reader.misspelt_option(override)) is not None:
            return refusal
        if override.is_add() and f"Multiple values for {override.key_or_group}." in str(error):
            chosen = pasted(word(override.get_key_element().lstrip("+"), override.value()))
            return ConfigError(
                f"{override.input_line!r}: {override.key_or_group} has an option already; another takes its "
                f"place without the plus: {chosen}"
            )
    groups = [
        text
        for text, one in zip(words, parsed, strict=True)
        if _options(one.key_or_group) or one.key_or_group == SEARCH_PATH
    ]
    try:
        base = hydra_compose(config_name, overrides=groups, return_hydra_config=True)
    except COMPOSITION_ERRORS:
        return ConfigError(_of_a_file(error))
    hydra = base.hydra
    with open_dict(base):
        del base["hydra"]
    for override in parsed:
        if (refusal := reader.misspelt_field(override, base, hydra)) is not None:
            return refusal
    return ConfigError(first_paragraph(error))


def _of_a_file(error: Exception) -> str:
    """What is wrong with an option's own file, Hydra's words where it has better ones."""
    said = first_paragraph(error)
    if "Cannot merge incompatible container types" in str(error):
        named = re.search(r"In '([^']+)'", str(error))
        file = f"{named[1]}.yaml" if named else "A file of the configuration"
        return (
            f"{file} has a mapping where the option that it builds on has a list, or the other way round. "
            "The lines of a list begin with a dash, such as those of `layers: [{conv: width}, {act: relu}]`."
        )
    return said


def _several_values(override: Override) -> str:
    text = str(override.input_line)
    if override.key_or_group == "logger":
        return f"{text!r}: several loggers at once are a list: logger=[{override.get_value_string()}]"
    quoted = word(override.get_key_element(), override.get_value_string())
    return (
        f"{text!r} holds several values: add -m to sweep over them, or quote them to mean one text: "
        f"{pasted(quoted)}"
    )


def _nested_options(group: str, extra_dir: Path | None) -> set[str]:
    """Options of ``--config-dir`` that lie in folders, as ``folder/option``."""
    if extra_dir is None or not group or not (extra_dir / group).is_dir():
        return set()
    place = extra_dir / group
    return {path.relative_to(place).with_suffix("").as_posix() for path in place.rglob("*.yaml")}


def _fields_of(group: str, option: str) -> list[str]:
    loaded = _loader().repository.load_config(f"{group}/{option}")
    return [] if loaded is None else [str(key) for key in loaded.config]


def _loader() -> Any:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    return hydra.config_loader


def _options(group: str) -> list[str]:
    return sorted(_loader().get_group_options(group, ObjectType.CONFIG))
