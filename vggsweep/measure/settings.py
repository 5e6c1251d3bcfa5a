"""What a configuration says about measuring a finished network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vggsweep.settings import setting


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """Inference speed and memory; every field is explained in ``conf/measure/default.yaml``."""

    name: Literal["default", "none"]
    latency_batch_size: int = setting(minimum=1)
    throughput_batch_size: int = setting(minimum=1)
    warmup_runs: int = setting(minimum=0)
    min_runs: int = setting(minimum=1)
    min_seconds: float = setting(minimum=0.0)
