"""The ``stagewise`` space: convolutions and channels of each block, channels never falling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

BLOCKS = 4
FIRST_CHANNELS = (4, 32)
MOST_CONVOLUTIONS = 4
# A block has this many times the channels of the one before; 1 keeps them, none lets them fall.
GROWTHS = (1.0, 1.25, 1.5, 2.0, 2.5)


def draw_stages(trial: optuna.Trial) -> Mapping[str, Any]:
    """Draw ``arch.stages`` block by block (a hook, see `vggsweep.sweep.spec.search_space.load_hook`).

    Returns:
        One override: ``arch.stages`` as ``[[num_convs, channels], …]`` with four blocks.
    """
    stages = []
    channels = trial.suggest_int("stages.first_channels", *FIRST_CHANNELS)
    for block in range(1, BLOCKS + 1):
        if block > 1:
            channels = round(channels * trial.suggest_categorical(f"stages.growth{block}", GROWTHS))
        stages.append([trial.suggest_int(f"stages.convs{block}", 1, MOST_CONVOLUTIONS), channels])
    return {"arch.stages": str(stages).replace(" ", "")}
