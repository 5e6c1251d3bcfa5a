from __future__ import annotations

import subprocess
import sys
import time

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
