"""Functions and classes of a user, found by the dotted name that a configuration gives.

Not by `pkgutil.resolve_name`: where the user's own file fails to import, it says only "has no attribute".
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vggsweep.errors import ConfigError


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
            f"{field}={name} cannot be loaded ({own_words(error)}). Give a dotted name that can "
            f"be imported, such as {field}={example}; a file that is not installed is found when PYTHONPATH "
            "names its directory."
        ) from error
    if not callable(found):
        raise ConfigError(f"{field}={name} is a {type(found).__name__} and cannot be called.")
    loaded: Callable[..., Any] = found
    return loaded


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
