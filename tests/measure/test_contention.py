from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from vggsweep.measure.contention import ContentionWatch

BUSY = "import time\nend = time.time() + 30\nwhile time.time() < end: pass"


def test_other_process_on_the_cpu_is_noticed() -> None:
    others = [subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) for _ in range(2)]
    try:
        with ContentionWatch(torch.device("cpu")) as watch:
            time.sleep(1.0)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert watch.is_contended


@pytest.mark.parametrize(
    ("listed", "is_contended"),
    [
        ("{own}\n", False),
        ("{own}\n17\n", True),
        ("17\n", None),  # a container, in which our own process has another number
        ("", None),
    ],
)
def test_a_gpu_is_shared_when_another_process_is_listed_beside_ours(
    monkeypatch: pytest.MonkeyPatch, listed: str, is_contended: bool | None
) -> None:
    asked: list[list[str]] = []

    def smi(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(words)
        return subprocess.CompletedProcess(words, 0, listed.format(own=os.getpid()), "")

    monkeypatch.setattr(subprocess, "run", smi)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="ab-12"))
    with ContentionWatch(torch.device("cuda", 1)) as watch:
        pass
    assert watch.is_contended is is_contended
    assert asked[0][-2:] == ["--id", "GPU-ab-12"]
