"""The page in a real browser: it draws, sorts, filters, answers the keyboard, asks nothing of a network."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser import Page, browser_path, open_browser
from tests.results.report.test_page import NASTY, write_sweep
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record, write_record
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.report import report_page

pytestmark = pytest.mark.skipif(
    browser_path() is None, reason="needs Chromium (Debian: apt-get install chromium)"
)

SHOWN = "[...document.querySelectorAll('#table tbody tr')].filter(row => !row.hidden)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, record: Callable[..., Record]) -> Path:
    """The report of a sweep whose texts try to become script."""
    folder = tmp_path_factory.mktemp("outputs")
    sweep = write_sweep(folder / "mine", record, reason=NASTY, overrides=(f"dataset.root={NASTY}",))
    path = folder / "report.html"
    path.write_text(report_page(load_evidence([sweep])), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Page, report: Path) -> Iterator[Page]:
    """The report, freshly opened; whatever the test does, nothing may complain or leave the file."""
    browser.open(report)
    yield browser
    browser.evaluate("1")  # what was logged on the way is now recorded
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith(("data:", "file:"))] == []
    assert [url for url in browser.requests if url.startswith("file:")] == [report.as_uri()]
    assert browser.evaluate("document.title") == "mine · vggsweep report"


HEADS = "[...document.querySelectorAll('#table th')]"


def column(page: Page, name: str) -> list[str]:
    """Sort keys of a column in the order of the rows that are shown."""
    at = page.evaluate(f"{HEADS}.findIndex(head => head.dataset.name === '{name}')")
    return list(page.evaluate(f"{SHOWN}.map(row => row.cells[{at}].dataset.key)"))


def set_field(page: Page, name: str, value: str, event: str) -> None:
    page.evaluate(
        f"(() => {{const field = document.getElementById('{name}'); field.value = {value!r};"
        f"field.dispatchEvent(new Event('{event}'))}})()"
    )


def rows_after(page: Page, text: str) -> int:
    """How many rows the filter leaves."""
    set_field(page, "filter", text, "input")
    return int(page.evaluate(f"{SHOWN}.length"))


def test_every_point_and_every_figure_is_drawn(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('#chart .point').length") == 11
    assert page.evaluate("document.querySelectorAll('#chart .point.front').length") >= 3
    heights = page.evaluate(
        "[...document.querySelectorAll('.drawing svg')].map(svg => svg.getBoundingClientRect().height)"
    )
    assert len(heights) == 10
    assert min(heights) > 80


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_page_fits_phone_and_desk_in_light_and_dark(
    page: Page, report: Path, width: int, height: int, is_dark: bool
) -> None:
    page.open(report, width=width, height=height, is_dark=is_dark)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('#chart svg').getBoundingClientRect().right") <= width
    ground = brightness(page, "getComputedStyle(document.body).backgroundColor")
    text = brightness(page, "getComputedStyle(document.querySelector('.drawing text')).fill")
    assert (ground < 0.3, text > 0.5) == (is_dark, is_dark), "page and figures follow the colour scheme"


def test_depths_on_a_narrow_axis_are_whole_numbers(
    browser: Page, tmp_path: Path, record: Callable[..., Record]
) -> None:
    path = tmp_path / "report.html"
    for number, depth in enumerate((4, 6, 9, 12)):
        arch = {"arch": "vgg_scaled", "depth": depth, "width": 8}
        costs = {"macs": 1000, "params": 1000 + depth}
        own = {"arch": {"depth": depth}, "seed": 0}
        metrics = {"val_acc": 0.5 + depth / 100}
        of_one = record(trial=number, configuration=own, network=arch, costs=costs, metrics=metrics)
        (place := tmp_path / "mine" / "trials" / f"{number:05d}").mkdir(parents=True)
        write_record(of_one, place)
    page = report_page(load_evidence([SweepDirectory(tmp_path / "mine")]))
    assert "Accuracy at equal cost" in page
    path.write_text(page, encoding="utf-8")

    browser.open(path, width=390, height=844)

    ticks = browser.evaluate(
        "[...document.querySelectorAll('#chart .tick text[text-anchor=middle]')].map(one => one.textContent)"
    )
    assert len(ticks) >= 2
    assert all(tick.isdecimal() for tick in ticks)


def brightness(page: Page, colour: str) -> float:
    """Mean of red, green and blue, 0 to 1."""
    numbers = page.evaluate(f"{colour}.match(/\\d+/g).slice(0, 3).map(Number)")
    return sum(numbers) / 3 / 255


def test_column_sorts_both_ways_and_missing_values_stay_last(page: Page) -> None:
    click = "document.querySelector('#table th[data-name=val_acc] button').click()"

    page.evaluate(click)
    rising = column(page, "val_acc")
    page.evaluate(click)
    falling = column(page, "val_acc")

    numbers = sorted(float(key) for key in rising if key)
    assert [float(key) for key in rising if key] == numbers
    assert [float(key) for key in falling if key] == numbers[::-1]
    assert rising[-1] == falling[-1] == ""
    assert page.evaluate("document.querySelector('#table th[data-name=val_acc]').ariaSort") == "descending"


def test_filter_compares_columns_and_finds_words(page: Page) -> None:
    assert rows_after(page, "depth<=5") == 4
    assert all(float(key) <= 5 for key in column(page, "depth"))
    assert rows_after(page, "depth <= 5 and width > 4") == 3
    assert rows_after(page, "pruned") == 2
    assert page.evaluate("document.getElementById('count').textContent") == "2 of 12 trials"
    assert page.evaluate("document.querySelectorAll('#chart .point.off').length") == 9
    assert rows_after(page, "no such words") == 0
    assert rows_after(page, "") == 12


def test_states_are_chosen_from_the_list(page: Page) -> None:
    set_field(page, "state", "FAIL", "change")
    failed = page.evaluate(f"{SHOWN}.length")
    set_field(page, "state", "FRONT", "change")

    assert failed == 1
    assert page.evaluate(f"{SHOWN}.length") == page.evaluate(
        "document.querySelectorAll('#chart .point.front').length"
    )


def test_another_cost_draws_another_front(page: Page) -> None:
    costs = page.evaluate("[...document.getElementById('cost').options].map(option => option.value)")
    before = page.evaluate("document.querySelector('#chart .line').getAttribute('d')")

    set_field(page, "cost", "train_seconds", "change")

    assert {"macs", "params", "train_seconds"} <= set(costs)
    assert page.evaluate("document.querySelector('#chart .line').getAttribute('d')") != before
    assert "training time (s)" in page.evaluate("document.getElementById('chart').textContent")


def test_keyboard_walks_along_the_points_and_leads_to_the_row(page: Page) -> None:
    page.evaluate("document.querySelector('#chart .point[tabindex=\"0\"]').focus()")
    first = page.evaluate("document.activeElement.dataset.point")

    page.press("ArrowRight")
    second = page.evaluate("document.activeElement.dataset.point")
    tip = page.evaluate("document.querySelector('.tip').textContent")
    page.press("Enter")

    assert first != second
    assert "val_acc" in tip
    assert page.evaluate("document.querySelectorAll('#table tr.lit').length") == 1
    row = "document.querySelector('#table tr.lit').getBoundingClientRect()"
    in_view = f"(box => box.top >= 0 && box.bottom <= innerHeight)({row})"
    assert page.comes_true(in_view), "the row is scrolled into view"


def test_button_of_a_row_shows_its_command_as_text(page: Page) -> None:
    page.evaluate("document.querySelector('[data-how=\"8\"]').click()")

    assert page.evaluate("document.getElementById('dialog').open")
    assert page.evaluate("document.getElementById('dialog-title').textContent") == "mine, trial 8"
    assert page.evaluate("document.getElementById('dialog-reason').textContent") == NASTY
    how = page.evaluate("document.getElementById('dialog-how').textContent")
    assert how.splitlines()[-1].startswith("vggsweep 'dataset.root=</script>")
    page.press("Escape")
    assert not page.evaluate("document.getElementById('dialog').open")


def test_whoever_listens_would_notice_an_error_and_a_request(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<img src='http://127.0.0.1:9/x.png'><script>missing()</script>")

    browser.open(path)

    assert any("missing is not defined" in complaint for complaint in browser.complaints)
    assert "http://127.0.0.1:9/x.png" in browser.requests


def test_browser_leaves_no_process_behind(tmp_path: Path) -> None:
    with open_browser(tmp_path / "profile") as page:
        assert page.evaluate("1 + 1") == 2

    def named(process: Path) -> bool:
        try:
            return str(tmp_path / "profile").encode() in (process / "cmdline").read_bytes()
        except OSError:
            return False

    def left() -> list[str]:
        return [process.name for process in Path("/proc").glob("[0-9]*") if named(process)]

    # Its children end by themselves when it does; on a busy machine that takes a moment.
    deadline = time.monotonic() + 10
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == []


BOXES = """(selector) => [...document.querySelectorAll(selector)].map((one) => {
  const {left, right, top, bottom} = one.getBoundingClientRect(); return [left, right, top, bottom];
})"""


def boxes(page: Page, selector: str) -> list[list[float]]:
    """Left, right, top and bottom of elements, in pixels of the window."""
    return list(page.evaluate(f"({BOXES})({selector!r})"))


def test_a_phone_shows_the_accuracy_of_each_trial_and_the_menu_within_its_margins(
    page: Page, report: Path
) -> None:
    page.open(report, width=390, height=844)

    (accuracy,) = boxes(page, "#table th[data-name=val_acc]")
    assert accuracy[1] <= 390 - 16
    ((_, right, _, _),) = boxes(page, "#cost")
    assert right <= 390 - 16
    intervals = boxes(page, "#standings th:nth-child(2)")
    assert intervals[0][1] <= 390 - 16


@pytest.mark.parametrize("width", [390, 1280])
def test_no_label_covers_a_mark_or_another_label(page: Page, report: Path, width: int) -> None:
    page.open(report, width=width)
    labels, marks = boxes(page, "#chart .name"), boxes(page, "#chart .mark")
    assert labels

    for at, label in enumerate(labels):
        for other in [*marks, *labels[at + 1 :]]:
            is_apart = (
                label[1] <= other[0] or other[1] <= label[0] or label[3] <= other[2] or other[3] <= label[2]
            )
            assert is_apart, (label, other)


def test_bars_are_drawn_whole_within_the_axes(page: Page, report: Path) -> None:
    page.open(report, width=1280)
    bars = "[...document.querySelectorAll('#chart .bar')]"
    spans = "(point => point.high - point.low)(data.chart.points[bar.parentNode.dataset.point])"
    pixels = page.evaluate(f"{bars}.map(bar => (bar.getAttribute('y1') - bar.getAttribute('y2')) / {spans})")
    upright = "document.querySelectorAll('#chart .axis')[1].getBBox()"
    reach = page.evaluate(
        f"{bars}.map(bar => [bar.getAttribute('y2') - {upright}.y,"
        f" {upright}.y + {upright}.height - bar.getAttribute('y1')])"
    )

    assert len(pixels) >= 3
    assert max(pixels) - min(pixels) < 1e-6 * max(pixels), (
        "on an even axis a whole bar is as long as its interval"
    )
    assert min(map(min, reach)) > 0


def test_headings_of_a_desk_stand_whole_side_by_side(page: Page, report: Path) -> None:
    page.open(report, width=1280)
    heads = boxes(page, "#table th")

    assert all(before[1] <= after[0] + 0.5 for before, after in itertools.pairwise(heads))
    assert page.evaluate(f"{HEADS}.every(head => head.scrollWidth <= head.clientWidth)")
    table = boxes(page, ".scroll.tall")[0]
    assert heads[-1][1] <= table[1] + 1


def test_the_legend_has_each_sign_of_the_chart_as_it_is_drawn(page: Page) -> None:
    signs = "(selector) => new Set([...document.querySelectorAll(selector)].map(KEY))"
    key = "(one) => one.tagName + (one.closest('.point')?.classList[1] ?? one.classList[0])"
    drawn, told = (
        page.evaluate(f"[...({signs.replace('KEY', key)})('{selector}')].sort()")
        for selector in ("#chart .mark", "#legend svg > *")
    )

    assert drawn == told
    assert len(drawn) >= 3
