"""A picture that is redrawn in place: on a terminal, and in the output of a notebook's cell."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

# As rich writes into notebooks; the frontend's own colours are kept.
HTML = '<pre style="white-space:pre;overflow-x:auto;line-height:normal">{code}</pre>'


def is_redrawn(console: Console) -> bool:
    """Whether what this console shows can be drawn anew, rather than line after line."""
    return console.is_terminal or console.is_jupyter


class Picture(Live):
    """rich's live display, which in a notebook would ask for ipywidgets and the frontend's part of it.

    Here it changes one output of the cell by its identifier, as every frontend can. The arguments are rich's.
    """

    _output: Any = None
    _drawn: str | None = None

    def refresh(self) -> None:
        """Draw it now; what is unchanged is not sent again."""
        if not self.console.is_jupyter or self._nested:  # the outermost one draws those within it
            super().refresh()
            return
        with self._lock:
            self._show(self.renderable)

    def stop(self) -> None:
        """End it; a transient one leaves nothing behind."""
        if not self.console.is_jupyter or self._nested:
            super().stop()
            return
        quiet, self.console.quiet = self.console.quiet, True  # rich would show an empty line
        try:
            super().stop()
        finally:
            self.console.quiet = quiet
        if self.transient and self._output is not None:
            self._show("")

    def _show(self, picture: RenderableType) -> None:
        from IPython.display import display

        console = Console(
            file=StringIO(),
            record=True,
            force_jupyter=False,
            color_system="truecolor",
            width=self.console.width,
        )
        console.print(picture)
        text = console.export_text(clear=False)
        html = console.export_html(inline_styles=True, code_format=HTML) if text.strip() else ""
        if html == self._drawn:
            return
        self._drawn = html
        content = {"text/plain": text.rstrip(), "text/html": html}
        if self._output is None:
            self._output = display(content, raw=True, display_id=True)
        else:
            self._output.update(content, raw=True)
