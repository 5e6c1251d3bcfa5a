"""Matplotlib figures as inline SVG that follows the page's colours."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from vggsweep.results.figures.style import BLUE, FAINT, INK, ORANGE, PAPER, RULE

VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    RULE: "var(--rule)",
    PAPER: "var(--paper)",
    BLUE: "var(--accent)",
    ORANGE: "var(--front)",
}
# A smaller sheet than in print: on a phone its text is then large enough to read.
SCALE = 0.82


def inline_svg(figure: Figure, name: str) -> Markup:
    """A figure as an ``<svg>`` element.

    Matplotlib escapes every text of the figure.

    Args:
        figure: drawn with the colours of `vggsweep.results.figures.style`.
        name: prefix of the element's ids, unique on the page; screen readers read out what has the id
            ``title-<name>``, and then the figure's own title if it has one.
    """
    width, height = figure.get_size_inches()
    figure.set_size_inches(float(width) * SCALE, float(height) * SCALE)
    buffer = io.StringIO()
    # text stays text: smaller, searchable, and in the page's own font
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # a sweep's name may be in a script that Matplotlib's font lacks; the browser's has it
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\sid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in VARIABLES.items():
        text = re.sub(re.escape(colour), variable, text, flags=re.IGNORECASE)
    head, rest = text.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    labels, description = f"title-{name}", ""
    if sentence := ", ".join(figure.get_suptitle().replace(r"\$", "$").splitlines()):
        labels = f"{labels} desc-{name}"
        description = Markup('<desc id="desc-{}">{}</desc>').format(name, sentence)
    return Markup(f'{head} role="img" aria-labelledby="{labels}">{description}{rest}')
