"""Write the pages of the site that come from elsewhere: from the code, and from documents outside this folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import vggsweep
from vggsweep.cli import VERBS, verb_parser

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
    pages = {FOLDER / "verbs.md": verbs(), FOLDER / "python.md": python()}
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


def python() -> str:
    """The public names of the package, with their docstrings."""
    parts = ["# Python", "The names of `vggsweep` itself; whatever else it holds may change with any release."]
    for name in vggsweep.__all__:
        thing = getattr(vggsweep, name)
        if isinstance(thing, str):  # the version
            continue
        kind = "class" if isinstance(thing, type) else "function" if callable(thing) else "module"
        members = "" if kind == "function" else "\n   :members:"
        parts += [f"## {name}", f"```{{eval-rst}}\n.. auto{kind}:: vggsweep.{name}{members}\n```"]
    return "\n\n".join(parts) + "\n"
