"""The page in a real browser, which follows a sweep from before its first trial to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Page, browser_path, open_browser
from tests.dashboard.conftest import MovedSweep
from vggsweep.dashboard import live_report
from vggsweep.dashboard.live_sweep import LiveSweep
from vggsweep.dashboard.server import serving
from vggsweep.results.disk.history import write_history

pytestmark = pytest.mark.skipif(
    browser_path() is None, reason="needs Chromium (Debian: apt-get install chromium)"
)

REPORT = "document.querySelector('iframe:not(.coming)').contentDocument"
# Of the report, once it is there.
ROWS = REPORT.replace(").", ")?.") + ".querySelectorAll('#table tbody tr').length"
SECONDS = 40  # for a report to be drawn, on a machine that does other things too


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def text_of(page: Page, name: str) -> str:
    return str(page.evaluate(f"document.getElementById('{name}').innerText"))


def test_page_follows_a_sweep_from_before_its_first_trial_to_its_end(
    browser: Page, moved: MovedSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_report, "SHARE", 0)
    nasty = "<script>document.title='owned'</script><img src=x>"
    first = moved.begin(0.25, 0.5, 0.375)
    with serving(LiveSweep("mine"), 0) as address:
        browser.open(address)
        assert browser.comes_true("document.querySelectorAll('#trials tr').length === 1")
        cells = browser.evaluate("[...document.querySelectorAll('#trials td')].map(cell => cell.innerText)")
        assert cells[:3] == ["0", "3", "0.3750"]
        assert cells[5] == "main: training now"
        points = browser.evaluate("document.querySelector('.spark polyline').getAttribute('points')")
        assert len(points.split()) == 3
        assert text_of(browser, "amount") == "0 of 3 done"
        assert browser.evaluate("!document.querySelector('iframe')"), "there is nothing to report yet"

        moved.finish(first, state="FAIL", reason=nasty)
        moved.finish(moved.begin(), val_acc=0.75)
        running = moved.begin(0.125)
        assert browser.comes_true(f"{ROWS} === 2", SECONDS)
        assert browser.evaluate("document.title") == "2/3 mine · vggsweep"
        assert nasty in browser.evaluate("document.getElementById('notes-list').textContent")

        # a reader sorts, filters and scrolls; the next report takes its place as they left it
        browser.evaluate(
            f"{{const filter = {REPORT}.getElementById('filter'); filter.value = 'complete';"
            "filter.dispatchEvent(new Event('input'))}"
        )
        browser.evaluate(f"{REPORT}.querySelector('#table th[data-name=trial] button').click()")
        browser.evaluate(f"{REPORT}.defaultView.scrollTo({{top: 300, behavior: 'instant'}})")
        moved.finish(running, val_acc=0.875)
        assert browser.comes_true(f"{ROWS} === 3", SECONDS)
        assert browser.evaluate(f"{REPORT}.getElementById('count').innerText").startswith("1 of 3")
        head = f"{REPORT}.querySelector('#table th[data-name=trial]')"
        assert browser.evaluate(f"{head}.ariaSort") == "ascending"
        assert browser.evaluate(f"{REPORT}.defaultView.scrollY") == 300
        assert browser.comes_true("document.getElementById('phase').innerText === 'done'")
        assert text_of(browser, "message") == "done: 2 COMPLETE, 1 FAIL"
        assert browser.evaluate("document.getElementById('running').hidden")

        browser.evaluate("1")  # what was logged on the way is now recorded
        assert browser.complaints == []
        assert [url for url in browser.requests if not url.startswith((address, "data:"))] == []
    assert browser.comes_true("document.getElementById('phase').innerText === 'away'")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_page_fits_phone_and_desk_in_light_and_dark(
    browser: Page, moved: MovedSweep, width: int, height: int, is_dark: bool
) -> None:
    moved.begin(0.25)
    with serving(LiveSweep("mine"), 0) as address:
        browser.open(address, width=width, height=height, is_dark=is_dark)
        assert browser.comes_true("document.querySelectorAll('#trials tr').length === 1")

        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.evaluate("document.querySelector('main').getBoundingClientRect().height") > height / 3
        colour = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (colour == "rgb(13, 17, 23)") == is_dark


@pytest.mark.slow
def test_learning_curves_of_running_trials_are_dashed_and_go_on(
    browser: Page, moved: MovedSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_report, "SHARE", 0)
    moved.finish(moved.begin(0.25, 0.5, 0.75))
    running = moved.begin(0.125)
    figure = f"{REPORT.replace(').', ')?.')}?.getElementById('figure-learning-curves')"
    with serving(LiveSweep("mine"), 0) as address:
        browser.open(address)
        assert browser.comes_true(f"{figure}?.textContent.includes('1 running')", SECONDS)
        epochs = f"[...{figure}.querySelectorAll('.drawing text')].map(text => text.textContent)"
        assert "8" not in browser.evaluate(epochs)
        line = f"{figure}.querySelector('.drawing path[style*=dasharray]')"
        assert browser.evaluate(f"{figure}.ownerDocument.defaultView.getComputedStyle({line}).fill") == "none"

        rows = [{"epoch": at, "val_acc": at / 10} for at in range(1, 9)]
        write_history(rows, running.directory.history, running.identity)
        assert browser.comes_true(f"{epochs}.includes('8')", SECONDS)

        moved.finish(running)
        assert browser.comes_true(f"{ROWS} === 2", SECONDS)
        assert "running" not in browser.evaluate(f"{figure}.textContent")
        # the page of the test before may still complain that its server is gone
        assert [text for text in browser.complaints if address in text] == []


def test_text_of_a_person_stays_text(browser: Page, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='owned'>"
    with serving(LiveSweep(name), 0) as address:
        browser.open(address)

        assert browser.comes_true("document.getElementById('phase').innerText === 'waiting'")
        assert text_of(browser, "name") == name
        assert browser.evaluate("document.images.length") == 0
