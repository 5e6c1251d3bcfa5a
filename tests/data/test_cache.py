import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vggsweep.data.cache import RECENT, RecentCache
from vggsweep.data.loading import LoadedData
from vggsweep.data.settings import DatasetSettings


def test_a_value_is_loaded_once():
    cache, loads = RecentCache(2), []
    for _ in range(3):
        assert cache.get("a", lambda: loads.append(1) or "value") == "value"
    assert len(loads) == 1


def test_only_the_last_few_are_kept():
    cache, loads = RecentCache(2), []
    for key in "abac":
        cache.get(key, lambda key=key: loads.append(key))
    cache.get("a", lambda: loads.append("a again"))
    assert loads == ["a", "b", "c"]
    assert len(cache) == 2


def test_threads_that_want_the_same_load_it_once():
    cache, loads = RecentCache(2), []

    def load() -> str:
        time.sleep(0.05)
        loads.append(1)
        return "value"

    threads = [threading.Thread(target=cache.get, args=("a", load)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1


def test_processes_hold_shared_pixels_once(tmp_path: Path) -> None:
    """The proportional set size of a mapping counts a page that two processes have as half a page each."""
    script = """
import sys, numpy as np
from pathlib import Path
from vggsweep.data.cache import shared
from vggsweep.data.images import ImageSet

def load():
    print("loads", flush=True)
    return ImageSet(np.full((4000, 1, 32, 32), 7, np.uint8), np.zeros(4000, np.int64))

images = shared(Path(sys.argv[1]), ("some set", 1), load).images
assert images.sum(dtype=np.int64) == 7 * images.size
print("ready", flush=True)
sys.stdin.readline()
lines = Path("/proc/self/smaps").read_text().splitlines()
start = next(i for i, line in enumerate(lines) if line.endswith(".npy"))
print(next(line.split()[1] for line in lines[start:] if line.startswith("Pss:")))
"""
    if not Path("/proc/self/smaps").exists():
        pytest.skip("only Linux tells the proportional set size")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            text=True,
        )
        for _ in range(2)
    ]
    words = []
    for process in processes:
        assert process.stdout is not None
        while (word := process.stdout.readline().strip()) != "ready":
            words.append(word)
    kilobytes = [int(process.communicate("\n")[0]) for process in processes[:1]]
    processes[1].communicate("\n")
    assert words == ["loads"]  # the second process found what the first had written
    assert kilobytes[0] < 0.6 * 4000


def test_batches_are_the_same_from_shared_pixels(
    dataset: Callable[..., DatasetSettings], load: Callable[..., LoadedData], tmp_path: Path
) -> None:
    def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
        RECENT.clear()
        return [(x.clone(), y) for x, y in load(dataset(limit=200), augment="crop_flip").train.epoch(1)]

    own = batches()
    RECENT.share(tmp_path)
    try:
        together = batches()
    finally:
        RECENT.share(None)
    assert list(tmp_path.glob("*.npy"))
    for (x, y), (shared_x, shared_y) in zip(own, together, strict=True):
        assert x.equal(shared_x)
        assert y.equal(shared_y)


def test_pixels_that_were_read_before_are_shared_from_now_on(tmp_path: Path) -> None:
    cache = RecentCache(2)
    own = cache.get("some set", lambda: np.arange(6, dtype=np.uint8))
    cache.share(tmp_path)

    def read_again() -> np.ndarray:
        raise AssertionError("these pixels are there")

    mapped = cache.get("some set", read_again)
    assert isinstance(mapped, np.memmap)
    assert mapped.tolist() == own.tolist()
    other = RecentCache(2)
    other.share(tmp_path)
    assert other.get("some set", read_again).tolist() == own.tolist()
