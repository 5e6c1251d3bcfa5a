"""Tests of real processes leave none behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweep.workers.observed import processes_of, wait_until


@pytest.fixture
def nothing_left_behind(own_folder: Path) -> Iterator[None]:
    yield
    try:
        wait_until(lambda: not processes_of(own_folder))
    finally:
        for process in processes_of(own_folder):
            process.kill()
