"""The config tree as files: its groups, their options, and what the first comment of each says.

Read without Hydra, which takes longer to load than a shell's completion may take in all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Hydra's groups by which a person chooses; the others are its own business.
HYDRA_GROUPS = ("hydra/launcher", "hydra/sweeper", "hydra/sweeper/sampler")
# What Hydra reads itself, and no sentence.
DIRECTIVE = "# @package"


@dataclass(frozen=True)
class ConfigTree:
    """Folders of options; of equal names that of the first folder counts, as Hydra has it.

    Args:
        places: the folders, in the order of Hydra's search path.
    """

    places: tuple[Path, ...]

    def groups(self) -> list[str]:
        """The groups to choose from; of Hydra's own those that concern a person."""
        folders = {file.parent.relative_to(place) for place in self.places for file in place.rglob("*.yaml")}
        own = [
            folder.as_posix()
            for folder in folders
            if folder.parts and folder.parts[0] != "hydra" and not folder.name.startswith((".", "_"))
        ]
        return sorted([*own, *(name for name in HYDRA_GROUPS if Path(name) in folders)])

    def options(self, group: str) -> dict[str, Path]:
        """The options of a group with their files, in alphabetical order; empty for what is no group."""
        found: dict[str, Path] = {}
        for place in self.places:
            for file in (place / group).glob("*.yaml") if group else ():
                found.setdefault(file.stem, file)
        return dict(sorted(found.items()))


def first_comment(file: Path) -> str:
    """The sentences of the comment at the head of an option's file, as one line.

    >>> from vggsweep.configuration.locate import config_dir
    >>> first_comment(config_dir() / "pruner" / "none.yaml")
    'Train every configuration to its last epoch.'
    """
    words: list[str] = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip()
            if not text and not words:
                continue
            if not text.startswith("#"):
                break
            if not text.startswith(DIRECTIVE):
                words.append(text.lstrip("#").strip())
    return " ".join(filter(None, words))


def first_sentence(text: str) -> str:
    """A comment up to the end of its first sentence; a full stop within parentheses ends none.

    >>> first_sentence("LeNet-5 (LeCun et al. 1998) with ReLU. It brings its own head.")
    'LeNet-5 (LeCun et al. 1998) with ReLU.'
    >>> first_sentence("Is deeper better? Depth is swept."), first_sentence("x")
    ('Is deeper better?', 'x')
    """
    for end in re.finditer(r"[.?](?= )", text):
        sentence = text[: end.end()]
        if sentence.count("(") == sentence.count(")"):
            return sentence
    return text


def tree_of(places: Sequence[Path]) -> ConfigTree:
    """The tree of those folders that are there."""
    return ConfigTree(tuple(place for place in dict.fromkeys(places) if place.is_dir()))
