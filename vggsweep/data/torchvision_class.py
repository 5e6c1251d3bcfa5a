"""An object of a class of `torchvision.datasets`: its keywords checked, its files brought once.

torchvision takes a folder that exists for a whole set, so that a download which broke off would be half a
set for ever. So it downloads into a folder of its own, and what lies there moves below the root when it is
whole.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vggsweep.data.download import may_download
from vggsweep.data.settings import SplitName
from vggsweep.data.torchvision_sets import NOT_OPTIONS, SETS
from vggsweep.errors import ConfigError, DataError, near_match
from vggsweep.importing import own_words


def construct(name: str, options: Any, split: SplitName, root: Path, download: bool) -> Any:
    """The object that holds one split.

    Args:
        name: of its class.
        options: ``dataset.options``.
        split: which.
        root: where its files are, as torchvision lays them out.
        download: whether what is missing is downloaded.

    Raises:
        ConfigError: an option is none of this class, or has no such value.
        DataError: the files are missing, damaged or cannot be downloaded.
    """
    from torchvision import datasets

    words = keywords(name, options, split)
    cls = getattr(datasets, name)
    is_offered = "download" in _parameters(cls) and SETS[name].by_hand is None
    extracts = name == "ImageNet"  # unpacks its archives by itself
    try:
        with _one_process(root, name) if extracts else contextlib.nullcontext():
            return _made(cls, name, root, words)
    except DataError as error:
        if not is_offered:
            needed = SETS[name].by_hand or "its files"
            raise DataError(f"{error} torchvision downloads none: put {needed} into {root}.") from error
        if not (download and may_download()):
            raise DataError(
                f"{error} Put its files into {root} as torchvision lays them out, or let them be downloaded "
                "with dataset.download=true."
            ) from error
    try:
        with _one_process(root, name):
            try:
                return _made(cls, name, root, words)  # another process may have brought it meanwhile
            except DataError:
                _download(cls, name, root, words)
    except OSError as error:
        raise DataError(
            f"dataset.name={name} cannot be downloaded into {root}: {own_words(error)}. Put its files there "
            "as torchvision lays them out, or name another folder with dataset.root=…."
        ) from error
    return _made(cls, name, root, words)


def keywords(name: str, options: Any, split: SplitName) -> dict[str, Any]:
    """What a class is called with to give a split, besides its root.

    Raises:
        ConfigError: an option is none of this class.
    """
    from torchvision import datasets

    known, parameters = SETS[name], _parameters(getattr(datasets, name))
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"dataset.options={options} should be keywords, such as '+dataset.options.split=letters'."
        )
    chosen = dict(options)
    argument = known.argument
    words: dict[str, Any] = {} if argument is None else {argument: getattr(known, split)}
    if argument is not None and argument in chosen:
        value = chosen.pop(argument)
        if value not in (known.train, *known.other_train):
            valid = "|".join([str(known.train), *known.other_train])
            raise ConfigError(
                f"dataset.options.{argument}={value} does not say what trains. Use "
                f"dataset.options.{argument}={valid}, or leave it out; the test split is opened by "
                "train.evaluate_test=true and dataset.validation=test alone."
            )
        words |= {argument: value} if split == "train" else {}
    offered = sorted(set(parameters) - NOT_OPTIONS - {argument, known.target})
    for key in chosen:
        if key not in offered:
            valid = near_match(key, offered) if offered else f"{name} has no options."
            raise ConfigError(f"dataset.options.{key} is no option of {name}. {valid}")
    for key in offered:
        if key not in chosen and parameters[key].default is inspect.Parameter.empty:
            values = getattr(getattr(datasets, name), f"{key}s", ())
            raise ConfigError(
                f"{name} needs dataset.options.{key}, such as '+dataset.options.{key}={(*values, '…')[0]}'."
                + (f" Valid: {', '.join(values)}." if values else "")
            )
    if "loader" in parameters:
        words["loader"] = os.fspath
    if "download" in parameters:
        words["download"] = False  # SEMEION would
    return {**chosen, **words}


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The keywords of a constructor, with those of the base class where it hands others on."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        own = inspect.signature(base).parameters
        found = {**{key: one for key, one in own.items() if one.kind is not one.VAR_KEYWORD}, **found}
        if not any(one.kind is one.VAR_KEYWORD for one in own.values()):
            break
    return found


def _made(cls: type, name: str, root: Path, words: Mapping[str, Any]) -> Any:
    place = f"dataset.name={name}"
    try:
        return cls(os.fspath(root), **words)
    except (RuntimeError, FileNotFoundError, NotADirectoryError) as error:
        if "pip install" in str(error):
            raise ConfigError(f"{place}: {error}.") from error
        raise DataError(f"{place} is not whole below {root} ({own_words(error)}).") from error
    except ValueError as error:
        if "Valid values are" in str(error) or "argument" in str(error):
            raise ConfigError(f"{place} refuses dataset.options: {error}") from error
        raise DataError(f"{place} is damaged below {root} ({own_words(error)}).") from error
    except Exception as error:  # whatever the broken file happened to cause
        raise DataError(f"{place} is damaged below {root} ({own_words(error)}).") from error


def _download(cls: type, name: str, root: Path, words: Mapping[str, Any]) -> None:
    half = root / f".torchvision-{name}"
    shutil.rmtree(half, ignore_errors=True)  # what a killed process left, which may be half of it
    half.mkdir(parents=True)
    shown = contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())
    try:
        with shown, _archives_stay_inside():
            cls(os.fspath(half), **{**words, "download": True})
        _move(half, root)
    except Exception as error:  # gdown, urllib and the readers have errors of their own
        raise DataError(
            f"dataset.name={name} could not be downloaded: {own_words(error)}. Put its files into {root} as "
            "torchvision lays them out."
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


@contextlib.contextmanager
def _archives_stay_inside() -> Iterator[None]:
    """Refuse members of a tar file that would lie outside its folder; before 3.14 Python does not."""
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _move(source: Path, target: Path) -> None:
    """Move what lies in a folder into another, beside what is there already."""
    for path in sorted(source.iterdir()):
        there = target / path.name
        if path.is_dir() and there.is_dir():
            _move(path, there)
        else:
            path.replace(there)


@contextlib.contextmanager
def _one_process(root: Path, name: str) -> Iterator[None]:
    from filelock import FileLock  # only a download needs it

    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".torchvision-{name}.lock"):
        yield
