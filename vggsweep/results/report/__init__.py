"""The report: one HTML file that holds everything it shows and asks nothing of a network.

    verdict, front, table, figures, failures, commands → `page` → report.html

The chart is ours (`chart.js`, an SVG of some 250 lines) rather than plotly's 4.5 MB inline: a page of
200 kB opens on a phone and travels by mail, its points are reached by keyboard, and it follows the
page's colours.
"""

from vggsweep.results.report.page import report_page
from vggsweep.results.report.svg import inline_svg

__all__ = ["inline_svg", "report_page"]
