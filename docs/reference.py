"""Write the pages of the site that come from the code, or from documents outside this folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import vggsweep
from vggsweep.arch.budget import Budget, CostName, solve_width
from vggsweep.arch.costs import family_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.families import family_class
from vggsweep.arch.family import Family, ScaledFamily
from vggsweep.arch.settings import HeadSettings
from vggsweep.cli import VERBS, verb_parser
from vggsweep.configuration.compose import compose
from vggsweep.configuration.fields import Field, Option, options, ungrouped_fields
from vggsweep.configuration.schema import resolved
from vggsweep.errors import InfeasibleConfig
from vggsweep.settings import read_settings

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
    written = {
        "verbs": verbs(),
        "python": python(),
        "configuration": configuration(),
        "architectures": architectures(),
    }
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
# What the table of families counts: presets as published, and budgets of small images.
IMAGENET, CIFAR = InputShape(3, 224, 1000), InputShape(3, 32, 10)
TARGETS: dict[CostName, float] = {"macs": 1e8, "params": 1e6, "conv_params": 1e6, "activations": 5e5}
DEPTHS = range(1, 41)
COUNTED = ("parameters", "MACs")


def architectures() -> str:
    """The families with their dials and how well they meet budgets, and what the presets cost."""
    families, presets = [], []
    for one in options():
        if one.group != "arch" or one.name == "described":
            continue
        plain = resolved(compose([f"arch={one.name}"]))
        cls, head = family_class(plain["arch"]["family"]), read_settings(HeadSettings, plain["head"], "head")
        if not issubclass(cls, Family):
            continue
        arch = read_settings(cls, plain["arch"], "arch")
        dials = {field.path: field.comment for field in one.fields}
        if isinstance(arch, ScaledFamily) and arch.family == one.name:
            words = [one.comment, arch.source, dials["arch.depth"], dials["arch.width"]]
            families.append(
                [f"`{one.name}`", *words, *_counts(arch, head, CIFAR), *feasible_shares(arch, head)]
            )
        elif one.name not in ("lenet", "vgg_small"):  # made for smaller images
            presets.append([f"`{one.name}`", arch.source, *_counts(arch, head, IMAGENET)])
    named = [f"{cost} {target:.0e}".replace("e+0", "e") for cost, target in TARGETS.items()]
    met = (
        "Everything is counted for images of 3 x 32 x 32 pixels and 10 classes: parameters and MACs of the "
        f"defaults, and at how many of the family's depths from {DEPTHS[0]} to {DEPTHS[-1]} the width meets "
        "a budget within 2 %. A dash: the cost says nothing of its networks (an MLP has no convolution, a "
        "vision transformer cuts its patches with one)."
    )
    what = ("`arch=`", "what it is", "source", "`arch.depth`", "`arch.width`", *COUNTED)
    return (
        "\n\n".join(
            [
                "# Architectures",
                "More of them: [convolutional families](../convolutional_families.md); "
                "[how to write your own](../families.md).",
                f"## Families\n\n{met}",
                _table((*what, *named), families),
                "## Networks as published\n\nCounted by arithmetic, for images of 3 x 224 x 224 pixels and "
                "1,000 classes; one MAC is one multiply-accumulate.",
                _table(("`arch=`", "source", *COUNTED), presets),
            ]
        )
        + "\n"
    )


def _counts(arch: Family, head: HeadSettings, shape: InputShape) -> tuple[str, str]:
    costs = family_costs(arch, head, shape)
    return f"{costs.params:,}", f"{costs.macs:,}"


def feasible_shares(arch: ScaledFamily, head: HeadSettings) -> list[str]:
    """Of the depths that a family has, the share at which its width meets each budget of `TARGETS`."""
    tried = {
        cost: [] if cost in arch.unbudgeted else [_meets(replace(arch, depth=d), head, cost) for d in DEPTHS]
        for cost in TARGETS
    }
    known = {cost: [met for met in found if met is not None] for cost, found in tried.items()}
    return [f"{sum(met) / len(met):.0%}" if any(met) else "–" for met in known.values()]


def _meets(arch: ScaledFamily, head: HeadSettings, cost: CostName) -> bool | None:
    """Whether a width meets the budget; None where the family has no such depth."""
    try:
        family_costs(arch, head, CIFAR)
    except InfeasibleConfig:
        return None
    try:
        solve_width(arch, head, Budget(cost, TARGETS[cost]), CIFAR)
    except InfeasibleConfig:
        return False
    return True


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
