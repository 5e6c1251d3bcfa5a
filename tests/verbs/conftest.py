"""The records that the verbs over finished results read, and a network that was kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.results.conftest import record as record

if TYPE_CHECKING:
    from vggsweep.results.disk.layout import TrialDirectory
    from vggsweep.results.disk.record import Record


@pytest.fixture
def kept(train: Callable[..., tuple[Record, TrialDirectory]]) -> TrialDirectory:
    """``runs/0``: a trained network with its weights."""
    return train("train.keep_weights=true")[1]
