"""The benchmark of a sweep's own work still fits the program that it replaces parts of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize("contender", ["vggsweep, all"])
def test_every_trial_with_a_formula_for_its_training_completes(tmp_path: Path, contender: str) -> None:
    command = [sys.executable, str(BENCHMARKS / "sweep_overhead.py"), "--alone", contender, "--trials", "3"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 3 trials are done (3 COMPLETE)" in done.stdout
