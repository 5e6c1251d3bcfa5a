"""What may follow a line: verbs and their flags, sweeps, trials, groups, options, fields.

A candidate is a whole word. One that ends in ``=``, ``.`` or ``/`` goes on; after any other comes a blank.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vggsweep.configuration.locate import config_dir
from vggsweep.configuration.tree import ConfigTree, tree_of
from vggsweep.results.disk.layout import OUTPUTS, existing_sweeps

HYDRA_FLAGS = (
    "-m --cfg --config-dir --config-name --debug --help --hydra-help --info --multirun --resolve --version"
)
WITH_A_VALUE = ("--cfg", "--config-dir", "--config-name")
# Options of packages that are always there; asking Hydra for those of others takes too long.
OF_HYDRA = {"hydra/launcher": ("basic", "joblib"), "hydra/sweeper": ("basic",)}
# What a shell would read as more than a word is not offered, such as a sweep with a blank in its name.
WORD = re.compile(r"[\w@%+=:,./\[\]~^-]+")
VERBS_FOLDER = Path(__file__).resolve().parents[1] / "verbs"
# What the words of a verb are.
OVERRIDES, TRIALS, GROUP, FILES = "overrides", "sweeps and trials", "group", "files"
ARGUMENTS = {"overrides": OVERRIDES, "group": GROUP, "pictures": FILES}
# Verbs that are told overrides, or one trial.
WITH_A_TRIAL = ("summary",)
BEST = "best"
SWEEPS = "sweeps"


def complete(line: str, verbs: Sequence[str]) -> list[str]:
    """What may stand where the cursor is.

    Args:
        line: what was typed up to the cursor, from the program's name on.
        verbs: every verb.

    Returns:
        The words that the last one may become, those that need most said first.
    """
    typed = line.split(" ")
    words, word = [one for one in typed[1:-1] if one], typed[-1]
    if len(typed) < 2:
        return []
    if words and words[0] in verbs:
        found = _after_verb(words[0], words[1:], word)
    else:
        found = [] if words and words[-1] in WITH_A_VALUE else _overrides(words, word)
        if not words:
            found = [*verbs, *found]
        if word.startswith("-"):
            found = HYDRA_FLAGS.split()
    fitting = (one for one in dict.fromkeys(found) if one.startswith(word) and one != word)
    return [one for one in fitting if WORD.fullmatch(one)]


def _after_verb(verb: str, words: Sequence[str], word: str) -> list[str]:
    flags, arguments = verb_syntax(VERBS_FOLDER / f"{verb}.py")
    if words and flags.get(words[-1]) is not None:
        return flags[words[-1]] or []
    if word.startswith("-"):
        return [*sorted(flags), "--help"]
    if not arguments:
        return []
    place = _place(words, flags)
    kind = arguments[min(place, len(arguments) - 1)]
    if kind == OVERRIDES:
        own = _places(word) if verb in WITH_A_TRIAL and place == 0 and "=" not in word else []
        return [*_overrides(words, word), *own]
    if kind == GROUP:
        return [*_tree(words).groups(), SWEEPS] if place == 0 else []
    return _places(word) if kind == TRIALS else []


def _place(words: Sequence[str], flags: Mapping[str, list[str] | None]) -> int:
    """How many of a verb's words are neither flags nor values of these."""
    return sum(
        not word.startswith("-") and flags.get(before) is None
        for before, word in zip(["", *words], words, strict=False)
    )


def verb_syntax(source: Path) -> tuple[dict[str, list[str] | None], list[str]]:
    """The flags of a verb and what its words are, from its source: to import it may take a second.

    Returns:
        For each flag the values that are written there, none where it takes another, None where it takes no
        value; and what each of the verb's own words is, the last of which stands for all further ones.
    """
    flags: dict[str, list[str] | None] = {}
    arguments: list[str] = []
    module = ast.parse(source.read_text(encoding="utf-8"))
    assigned = (
        one for one in module.body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Tuple)
    )
    tuples = {ast.unparse(one.targets[0]): one.value for one in assigned if isinstance(one.value, ast.Tuple)}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    name = argument.value
                    if name.startswith("-"):
                        flags[name] = _values(node, tuples)
                    else:
                        arguments.append(ARGUMENTS.get(name, TRIALS))
    return flags, arguments


def _values(call: ast.Call, known: Mapping[str, ast.Tuple]) -> list[str] | None:
    """What a flag may be given, as far as its call and the tuples that it names say; None for a switch."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "action" in keywords and ast.unparse(keywords["action"]).startswith(("'store_", "argparse.Boolean")):
        return None
    named = (known[one.id] for one in ast.walk(call) if isinstance(one, ast.Name) and one.id in known)
    choices = next(named, keywords.get("choices"))
    values = choices.elts if isinstance(choices, ast.Tuple | ast.List) else []
    return [str(one.value) for one in values if isinstance(one, ast.Constant)]


def _places(word: str) -> list[str]:
    """Sweeps, and behind ``SWEEP/`` its trials."""
    sweep, slash, _ = word.rpartition("/")
    if not slash:
        return [one for name in existing_sweeps() for one in (name, f"{name}/")]
    for path in (OUTPUTS / sweep, Path(sweep)):
        if (path / "trials").is_dir():
            # whether each was begun is not asked: ten thousand of them would take too long
            names = (trial.name for trial in (path / "trials").iterdir())
            numbers = sorted(int(name) for name in names if name.isdecimal())
            return [f"{sweep}/{one}" for one in (*numbers, BEST)]
    return []


def _overrides(words: Sequence[str], word: str) -> list[str]:
    """Groups, options of a group, fields, and the value that a field has now."""
    prefix = word[: len(word) - len(word.lstrip("+~"))]
    bare = word.removeprefix(prefix)
    key, equals, value = bare.partition("=")
    tree = _tree(words)
    if equals and key == "sweep.name":
        return [f"{prefix}{key}={name}" for name in existing_sweeps()]
    if equals and (options := sorted([*tree.options(key), *OF_HYDRA.get(key, ())])):
        before = value.rpartition(",")[0]  # arch=vgg11,vgg…
        start = f"{before}," if before else ""
        return [f"{prefix}{key}={start}{option}" for option in options if option not in before.split(",")]
    fields = _fields(tree, words)
    if equals:
        return [f"{prefix}{key}={_text(fields[key])}"] if fields.get(key) is not None and not value else []
    names = [f"{name}=" for name in fields] if "." in bare else _tops(tree, fields)
    return [f"{prefix}{name}" for name in names]


def _tops(tree: ConfigTree, fields: Iterable[str]) -> list[str]:
    """Groups to choose from, nodes that hold fields, and fields of no group."""
    groups = [f"{name}=" for name in tree.groups()]
    nodes = [f"{name.partition('.')[0]}." if "." in name else f"{name}=" for name in fields]
    return sorted({*groups, *nodes})


def _fields(tree: ConfigTree, words: Sequence[str]) -> dict[str, Any]:
    from vggsweep.completion.fields import known_fields  # PyYAML is needed for fields only

    return known_fields(tree, words)


def _tree(words: Sequence[str]) -> ConfigTree:
    """Our tree, with the folder that ``--config-dir`` names."""
    own: list[Path] = []
    for at, word in enumerate(words):
        if word in ("--config-dir", "-cd") and at + 1 < len(words):
            own.append(Path(words[at + 1]))
        elif word.startswith("--config-dir="):
            own.append(Path(word.partition("=")[2]))
    return tree_of([config_dir(), *own])


def _text(value: Any) -> str:
    with suppress(TypeError, ValueError):
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return str(value)
