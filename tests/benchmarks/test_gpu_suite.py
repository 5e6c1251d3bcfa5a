"""The GPU suite runs as a whole on a CPU, as far as a CPU goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

CHECKOUT = Path(__file__).parents[2]
FIGURES = {
    "peaks",
    "chapter's net, 64 px",
    "chapter's net, 32 px",
    "lean net, 32 px",
    "VGG-16, 32 px, batch 8",
    "workers",
    "epochs",
    "accuracy",
    "profile",
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_suite_gives_every_figure_on_a_cpu(own_folder: Path) -> None:
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "gpu_suite.py"), "--device", "cpu", "--quick"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [*command, "--json", "result.json"], env=environment, capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stdout + done.stderr
    measured = json.loads((own_folder / "result.json").read_text())["measured"]
    assert measured.keys() >= FIGURES


def test_a_layers_roofline_is_its_arithmetic_or_its_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    from machine import Peaks
    from roofline import roofline_seconds, training_operations

    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3)).to(
        "meta"
    )
    operations = {one.name: one for one in training_operations(network, (5, 2, 8, 8))}

    assert operations["Conv2d forward"].flops == 2 * 5 * 4 * 8 * 8 * 2 * 9
    assert operations["Conv2d forward"].bytes == 2 * (5 * 2 * 64 + 5 * 4 * 64 + 4 * 2 * 9 + 4)
    assert "Conv2d input's gradient" not in operations, "images need no gradient"
    assert operations["Linear input's gradient"].flops == 2 * 5 * 256 * 3
    assert operations["ReLU backward"].bytes == 2 * 3 * 5 * 4 * 64
    instant = Peaks(fp32=1e30, bf16=1e30, copy=1.0)
    total = sum(one.bytes for one in operations.values())
    assert roofline_seconds(list(operations.values()), instant, "bf16") == pytest.approx(total / 1e9)
    slow = Peaks(fp32=1.0, bf16=1.0, copy=1e30)
    flops = sum(one.flops for one in operations.values())
    assert roofline_seconds(list(operations.values()), slow, "bf16") == pytest.approx(flops / 1e9)
