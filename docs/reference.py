"""Write the pages of the site that come from the code, or from documents outside this folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import vggsweep
from vggsweep.cli import VERBS, verb_parser
from vggsweep.configuration.fields import Field, Option, options, ungrouped_fields

DOCS = Path(__file__).parent
ROOT = DOCS.parent
FOLDER = DOCS / "reference"
# Documents that lie where people look for them, and the page that shows each.
OUTSIDE = {
    # the site's own search is search.html
    DOCS / "search.md": FOLDER / "searching.md",
    ROOT / "CHANGELOG.md": FOLDER / "changelog.md",
    ROOT / "CONTRIBUTING.md": FOLDER / "contributing.md",
    ROOT / "SECURITY.md": FOLDER / "security.md",
    ROOT / "benchmarks" / "README.md": FOLDER / "benchmarks.md",
    ROOT / "outputs" / "reference" / "README.md": FOLDER / "reference_results.md",
}
README, FIRST_PAGE = ROOT / "README.md", DOCS / "index.md"
PAGES = OUTSIDE | {README: FIRST_PAGE}
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)")


def write() -> None:
    """Write all pages into a folder, which git ignores; a page that says the same is left alone."""
    FOLDER.mkdir(exist_ok=True)
    written = {"verbs": verbs(), "python": python(), "configuration": configuration()}
    pages = {FOLDER / f"{name}.md": text for name, text in written.items()}
    pages |= {page: relinked(source.read_text(), source, page) for source, page in OUTSIDE.items()}
    for page, text in pages.items():
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def relinked(text: str, source: Path, page: Path) -> str:
    """The text of a document as a page of the site: its links lead where they led from the document.

    Raises:
        FileNotFoundError: a link leads nowhere.
    """

    def link(match: re.Match[str]) -> str:
        target = (source.parent / match[0]).resolve()
        if not target.exists():
            raise FileNotFoundError(f"{source}: the link {match[0]} leads nowhere.")
        return os.path.relpath(PAGES.get(target, target), page.parent)

    return LINK.sub(link, text)


def verbs() -> str:
    """One section per verb: what ``vggsweep VERB --help`` prints."""
    os.environ["COLUMNS"] = "100"  # argparse breaks lines there
    parts = ["# Verbs", "What `vggsweep VERB --help` prints."]
    for verb in sorted(VERBS):
        parts += [f"## {verb}", f"```text\n{verb_parser(verb).format_help().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def configuration() -> str:
    """All groups with their options, and all fields with type, default and comment."""
    parts = ["# Configuration", "Everything is `group=option` or `path.to.field=value`."]
    parts += ["## Fields of no group", _table(FIELDS, _rows(ungrouped_fields()))]
    by_group: dict[str, list[Option]] = {}
    for option in options():
        by_group.setdefault(option.group, []).append(option)
    for group, choices in by_group.items():
        rows = [(f"`{one.name}`{' (default)' if one.is_default else ''}", one.comment) for one in choices]
        parts += [f"## {group}", _table(("option", "what it is"), rows)]
        own = [field for one in choices for field in one.fields if not field.names_its_option]
        if own:
            parts.append(_table(FIELDS, _rows(own)))
    return "\n\n".join(parts) + "\n"


FIELDS = ("field", "type", "default", "what it means")


def _rows(found: Sequence[Field]) -> list[tuple[str, ...]]:
    """One row per field; where options differ in its default, each default with its options."""
    defaults: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for one in found:
        value = "null" if one.default is None else str(one.default).lower().replace("|", "\\|")
        key = (f"`{one.path}`", one.type, one.comment)
        defaults.setdefault(key, {}).setdefault(f"`{value}`", []).append(str(one.option))
    return [
        (path, kind, next(iter(by)) if len(by) == 1 else _each(by), comment)
        for (path, kind, comment), by in defaults.items()
    ]


def _each(by: dict[str, list[str]]) -> str:
    return ", ".join(f"{value} ({', '.join(names)})" for value, names in by.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *([text.replace(" | ", " \\| ") for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def python() -> str:
    """The public names of the package, with their docstrings."""
    parts = ["# Python", "The names of `vggsweep` itself; whatever else it holds may change."]
    for name in vggsweep.__all__:
        thing = getattr(vggsweep, name)
        if isinstance(thing, str):  # the version
            continue
        kind = "class" if isinstance(thing, type) else "function" if callable(thing) else "module"
        members = "" if kind == "function" else "\n   :members:"
        parts += [f"## {name}", f"```{{eval-rst}}\n.. auto{kind}:: vggsweep.{name}{members}\n```"]
    return "\n\n".join(parts) + "\n"
