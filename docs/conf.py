"""The site that `make docs` builds from this folder, with its reference pages written from the code."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reference
from sphinx.application import Sphinx

import vggsweep

project = "vggsweep"
author = "vggsweep developers"
copyright = author
release = vggsweep.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# an indented block is what one types at a shell, or a tree of files: nothing to colour
highlight_language = "none"
exclude_patterns = ["_build", "search.md"]
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True

html_theme = "furo"
html_title = f"vggsweep {release}"
html_static_path: list[str] = []

reference.write()


def relink(app: Sphinx, name: str, source: list[str]) -> None:
    """Begin the first page with the README; let links out of this folder lead to their pages here."""
    page = reference.DOCS / f"{name}.md"
    if page == reference.FIRST_PAGE:
        readme = reference.README
        source[0] = reference.relinked(readme.read_text(), readme, page) + source[0]
    elif page.parent == reference.DOCS:
        source[0] = reference.relinked(source[0], page, page)


def setup(app: Sphinx) -> None:
    app.connect("source-read", relink)
