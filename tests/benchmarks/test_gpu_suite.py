"""The GPU suite runs as a whole on a CPU, as far as a CPU goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FIGURES = {"peaks", "chapter's net, 32 px", "lean net, 32 px", "vgg16", "workers", "chapter", "equal"}


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
    assert all(check["holds"] for check in measured["equal"].values())


def test_the_suite_imports_nothing_that_a_bare_machine_lacks() -> None:
    """It is carried to machines without a network, where only torch and torchvision are installed."""
    code = "import sys; sys.path.insert(0, 'benchmarks'); import gpu_suite; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert not {"hydra", "omegaconf", "optuna", "rich", "pandas", "psutil"} & set(done.stdout.split())
