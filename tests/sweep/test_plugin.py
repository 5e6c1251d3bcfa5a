"""Our sweeper as Hydra makes it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from omegaconf import OmegaConf

from vggsweep.sweep.plugin import VggSweeper


def test_other_applications_are_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    sweeper = VggSweeper(sampler=None)
    sweeper.setup(
        hydra_context=cast(Any, object()),
        task_function=lambda config: None,
        config=OmegaConf.create({"lr": 0.1, "hydra": {}}),
    )

    with pytest.raises(SystemExit) as end:
        sweeper.sweep(["lr=0.1,0.2"])

    assert end.value.code == 2
    assert "hydra/sweeper=vggsweep trains the networks of the command vggsweep" in capsys.readouterr().err
