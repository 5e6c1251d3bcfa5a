"""Functions and classes of a user, found by the dotted name that a configuration gives.

Not by `pkgutil.resolve_name`: where the user's own file fails to import, it says only "has no attribute".
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vggsweep.errors import ConfigError, InfeasibleConfig

# How alike two names of modules are where one is the other misspelt.
LIKE = 0.75


def load_callable(name: str, field: str, example: str) -> Callable[..., Any]:
    """The function or class behind a dotted name.

    Args:
        name: such as ``my_package.my_module.my_function``.
        field: of the configuration, for error texts (``"space.hook"``).
        example: a name that would do, for error texts.

    Raises:
        ConfigError: the name leads to nothing that can be called; the text says how to make it importable.

    >>> load_callable("os.path.join", "arch.target", "my_networks.MyNet")("a", "b")
    'a/b'
    """
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # importing runs the user's file, which may raise anything
        raise ConfigError(
            f"{field}={name} cannot be loaded ({own_words(error)}).{_near(name)} Give a dotted name that can "
            f"be imported, such as {field}={example}; a file that is not installed is found when PYTHONPATH "
            "names its directory."
        ) from error
    if not callable(found):
        raise ConfigError(f"{field}={name} is a {type(found).__name__} and cannot be called.")
    loaded: Callable[..., Any] = found
    return loaded


def _near(name: str) -> str:
    """What of an importable module a name probably means, or which module."""
    module, _, attribute = name.rpartition(".")
    top, dot, rest = name.partition(".")
    if top not in sys.modules:
        modules = [found.name for found in pkgutil.iter_modules()]
        close = difflib.get_close_matches(top, modules, n=1, cutoff=LIKE)  # my_family is no misspelt yaml
        return f" Did you mean {close[0]}{dot}{rest}?" if close and close[0] != top else ""
    known = vars(sys.modules[module]) if module in sys.modules else {}
    names = [name for name, value in known.items() if callable(value)]
    close = difflib.get_close_matches(attribute, names, n=1)
    return f" Did you mean {module}.{close[0]}?" if close else ""


def check_call(
    target: Callable[..., Any],
    name: str,
    field: str,
    *,
    gets: str,
    options: object,
    places: Sequence[str] = (),
    keywords: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Refuse a call that the signature of a user's function does not allow.

    Args:
        target: the function or class.
        name: its dotted name.
        field: of the configuration, ``"arch.target"``; options stand beside it.
        gets: what it is called with, for the refusal.
        options: keywords that the configuration adds.
        places: what it gets by place, named for people.
        keywords: what else it gets from us.

    Returns:
        All keywords.

    Raises:
        ConfigError: naming the words and what does not fit.
    """
    node = f"{field.partition('.')[0]}.options"
    if not isinstance(options, Mapping):
        raise ConfigError(f"{node}={options} should be keywords, such as '+{node}.size=3'.")
    for key in keywords:
        if key in options:
            raise ConfigError(
                f"{node}.{key}={options[key]} is handed over by itself; leave it out of {node}."
            )
    words = {**keywords, **options}
    try:
        inspect.signature(target).bind(*places, **words)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{field}={name} cannot be called with ({', '.join([*places, *words])}): {error}. It gets "
            f"{gets}, and whatever {node} names."
        ) from error
    return words


def called(target: Callable[..., Any], name: str, words: Mapping[str, Any], **places: Any) -> Any:
    """Call a user's function; what it raises is told in its own words.

    Args:
        target: the function or class.
        name: its dotted name.
        words: keywords.
        places: what it gets by place, under the names that people are shown.

    Raises:
        InfeasibleConfig: it refuses these values.
    """
    try:
        return target(*places.values(), **words)
    except Exception as error:
        shown = ", ".join([*places, *(f"{key}={value!r}" for key, value in words.items())])
        raise InfeasibleConfig(f"{name}({shown}) cannot be built ({own_words(error)}).") from error


def own_words(error: BaseException) -> str:
    """What a user's code raised, on one line, with the place in the file of theirs.

    >>> try:
    ...     compile("1 +", "mine.py", "exec")
    ... except SyntaxError as error:
    ...     print(own_words(error))
    SyntaxError: invalid syntax (mine.py, line 1)
    """
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    if isinstance(error, SyntaxError):
        return text
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        place = Path(frame.filename)
        is_ours = Path(__file__).parent in place.parents
        if not is_ours and "site-packages" not in place.parts and not frame.filename.startswith("<frozen"):
            # The standard library's importlib is on the way to a file that is not there.
            return text if place.parent.name == "importlib" else f"{text} ({place.name}, line {frame.lineno})"
    return text
