from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "gpu_session.sh"


def session(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run([str(SCRIPT), *words], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rehearsal"], "--rehearsal is no option"),
        (["--parts", "test"], "no part test; there are tests run suite sweep"),
        (["--out"], "--out needs a value"),
    ],
)
def test_a_wrong_word_is_refused(words: list[str], message: str, own_folder: Path) -> None:
    done = session(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(own_folder.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_rehearsal_runs_every_part_on_the_cpu(own_folder: Path) -> None:
    done = session("--rehearse", "--out", str(own_folder / "results"))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (own_folder / "results" / "parts.tsv").read_text().splitlines()
    parts = {line.split("\t")[0]: line.split("\t")[1] for line in lines}
    assert set(parts.values()) == {"done"}, parts
    assert {"tests", "a single run", "the killed sweep, continued", "suite", "iso_macs"} <= parts.keys()
    assert (own_folder / "results" / "suite.json").is_file()
    assert "matrix product, bf16" in done.stdout
