"""The page that tells what came of each fault: a plugin, ``pytest -p tests.faults.page --faults-page FILE``.

A test says with ``@pytest.mark.fault(fault, behaviour)`` what it causes and what should happen; each run of
it is a round. ``make faults`` runs all rounds and writes ``docs/faults.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PAGE = "--faults-page"
HEAD = """\
# What happens when things break

Each fault below is caused for real (a small file system that fills up, a process that is killed, a damaged
file) by the tests that name it, which `make test` runs in short and `make faults` in full. This page
is written by the latter; "rounds" counts how often each fault was caused.

| fault | what vggsweep does | rounds | outcome |
| --- | --- | ---: | --- |
"""


@dataclass
class Tally:
    """What came of the rounds of one fault."""

    behaviour: str
    rounds: int = 0
    failed: int = 0
    skipped: set[str] = field(default_factory=set)

    def outcome(self) -> str:
        if self.failed:
            return f"{self.failed} of {self.rounds} rounds went wrong"
        if self.rounds:
            return "as it should"
        return f"not tried on this machine ({'; '.join(sorted(self.skipped))})"


class FaultsPage:
    """Counts the rounds of each fault and writes the page at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tallies: dict[str, Tally] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report: pytest.TestReport = yield
        mark = item.get_closest_marker("fault")
        if mark is not None and (report.when == "call" or report.outcome == "skipped"):
            fault, behaviour = mark.args
            tally = self.tallies.setdefault(fault, Tally(behaviour))
            rounds = dict(item.user_properties).get("rounds", 1)
            if report.outcome == "skipped":
                assert isinstance(report.longrepr, tuple)
                tally.skipped.add(report.longrepr[2].removeprefix("Skipped: "))
            else:
                tally.rounds += rounds
                tally.failed += rounds * (report.outcome == "failed")
        return report

    def pytest_sessionfinish(self) -> None:
        lines = [
            f"| {fault} | {tally.behaviour} | {tally.rounds} | {tally.outcome()} |\n"
            for fault, tally in sorted(self.tallies.items())
        ]
        self.path.write_text(HEAD + "".join(lines), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(PAGE, type=Path, help="write what came of each fault to this page")


def pytest_configure(config: pytest.Config) -> None:
    page = config.getoption(PAGE, None)
    if page is not None:
        config.pluginmanager.register(FaultsPage(config.invocation_params.dir / page))
