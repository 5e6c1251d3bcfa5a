"""The config tree as files: its groups, their options, and what the first comment of each says.

Read without Hydra, which takes longer to load than a shell's completion may take in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
        """Names of all groups, nested ones as ``hydra/launcher``."""
        found = set()
        for place in self.places:
            for file in place.rglob("*.yaml"):
                folder = file.parent.relative_to(place)
                if folder.parts and not any(part.startswith((".", "__")) for part in folder.parts):
                    found.add(folder.as_posix())
        return sorted(found)

    def options(self, group: str) -> dict[str, Path]:
        """The options of a group with their files, in alphabetical order; empty where there is no such group."""
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
    """A comment up to its first full stop or colon that ends a sentence.

    >>> first_sentence("Net B of Simonyan & Zisserman 2014, arXiv:1409.1556. Thirteen layers."), first_sentence("x")
    ('Net B of Simonyan & Zisserman 2014, arXiv:1409.1556.', 'x')
    >>> first_sentence("LeNet-5 (LeCun et al. 1998) with ReLU. It brings its own head.")
    'LeNet-5 (LeCun et al. 1998) with ReLU.'
    """
    start = 0
    while (end := text.find(". ", start)) >= 0:
        if text[end + 2].isupper() and text.count("(", 0, end) == text.count(")", 0, end):
            return text[: end + 1]
        start = end + 1
    return text


def tree_of(places: Sequence[Path]) -> ConfigTree:
    """The tree of those folders that are there."""
    return ConfigTree(tuple(place for place in dict.fromkeys(places) if place.is_dir()))
