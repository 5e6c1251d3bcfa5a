"""A clock that is set while a sweep runs, played by a library that stands before the system's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

LIBRARY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *when) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(clock, when);
  if (clock == CLOCK_REALTIME) {
    char text[32] = {0};
    int file = open(getenv("CLOCK_CHANGE"), O_RDONLY);
    if (file >= 0) { if (read(file, text, 31) > 0) when->tv_sec += atol(text); close(file); }
  }
  return answer;
}
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.fault(
    "the clock set forward and back by an hour", "order, leases, time limits and durations unharmed"
)
@pytest.mark.parametrize("workers", [1, 2])
def test_sweep_does_not_notice_that_the_clock_is_set(
    own_folder: Path, tiny_line: tuple[str, ...], workers: int
) -> None:
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("needs gcc and Linux, to stand before the system's clock")
    (own_folder / "clock.c").write_text(LIBRARY)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"], check=True)
    change = own_folder / "change"
    change.write_text("0")
    words = ["arch.depth=2,3", "arch.width=4,8", f"n_workers={workers}", "sweep.name=s", "sweep.lease=2"]
    words += ["sweep.timeout=1000", "sweep.trial_timeout=300", "train.epochs=60"]
    own = {word.partition("=")[0] for word in words}
    words += [word for word in tiny_line if word.partition("=")[0] not in own]
    environment = {**os.environ, "LD_PRELOAD": str(own_folder / "clock.so"), "CLOCK_CHANGE": str(change)}
    with subprocess.Popen([sys.executable, "-m", "vggsweep", "-m", *words], env=environment) as command:
        for seconds in (3600, -3600, 0, 3600, -3600):
            time.sleep(4)
            change.write_text(str(seconds))
        assert command.wait() == 0

    records = [
        json.loads(path.read_text()) for path in sorted(own_folder.glob("outputs/s/trials/*/record.json"))
    ]
    assert [record["state"] for record in records] == ["COMPLETE"] * 4
    assert [record["trial"] for record in records] == [0, 1, 2, 3]
    assert all(0 < record["timings"]["total_seconds"] < 400 for record in records)
    logs = "".join(path.read_text() for path in own_folder.glob("outputs/s/trials/*/trial.log"))
    assert "continues after" not in logs
