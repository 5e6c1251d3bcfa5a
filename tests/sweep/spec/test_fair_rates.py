"""What a search for each network's learning rate is refused for."""

from __future__ import annotations

import pytest

from tests.sweep.conftest import spec_of
from vggsweep.errors import ConfigError

FAIR = ("sweep.fair_lr=2", "arch.depth=4,8", "optimizer.lr=0.02,0.1,0.5")


def test_a_few_networks_and_a_few_rates_will_do() -> None:
    assert spec_of(*FAIR).settings.fair_lr == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sweep.fair_lr=2", "arch.depth=4,8"), "optimizer.lr is not swept"),
        ((*FAIR[:2], "optimizer.lr=0.1,0.2"), "at least 3 values"),
        ((*FAIR[:2], "optimizer.lr=interval(0.01,0.1)"), "an endless space"),
        ((*FAIR[:2], "optimizer.lr=range(0.1,0.9,0.2)"), "by name"),
        ((FAIR[0], FAIR[2]), "optimizer.lr alone is swept"),
        ((*FAIR, "optimizer=sgd,adamw"), "a swept optimizer"),
        ((*FAIR, "sweep.replicates=2"), "sweep.replicates=2 beside sweep.fair_lr=2"),
        ((*FAIR, "pruner=median"), "pruner=median beside sweep.fair_lr=2"),
        ((*FAIR, "objective=acc_vs_macs", "sweep.stop=plateau"), "sweep.stop=plateau beside sweep.fair_lr=2"),
    ],
)
def test_what_could_not_be_compared_is_refused_with_what_would_work(
    words: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        spec_of(*words)
