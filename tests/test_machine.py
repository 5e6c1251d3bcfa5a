import os
from pathlib import Path

import psutil
import pytest

from vggsweep.machine import cpu_quota, free_memory, memory_left, usable_cores


def write(files: dict[str, str], root: Path) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


VERSION_2 = "0::/kubepods/pod7/app\n"
VERSION_1 = "5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/docker/1f\n0::/\n"


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        (VERSION_2, {}, None),
        (VERSION_2, {"kubepods/pod7/app/cpu.max": "max 100000\n"}, None),
        (VERSION_2, {"kubepods/pod7/app/cpu.max": "150000 100000\n"}, 1.5),
        (VERSION_2, {"kubepods/pod7/app/cpu.max": "max 100000", "kubepods/cpu.max": "200000 100000"}, 2.0),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/../../outside\n", {"cpu.max": "300000 100000\n"}, 3.0),
        (VERSION_1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        (VERSION_1, {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        (
            VERSION_1,
            {
                "cpu,cpuacct/docker/1f/cpu.cfs_quota_us": "100000\n",
                "cpu,cpuacct/docker/1f/cpu.cfs_period_us": "100000\n",
            },
            1.0,
        ),
        (VERSION_2, {"kubepods/pod7/app/cpu.max": ""}, None),
        (VERSION_2, {"kubepods/pod7/app/cpu.max": "100000 0"}, None),
    ],
)
def test_the_smallest_quota_of_the_groups_counts(membership, files, quota, tmp_path):
    groups = write(files, tmp_path / "cgroup")
    (tmp_path / "self").write_text(membership)
    assert cpu_quota(groups, tmp_path / "self") == quota


@pytest.mark.parametrize(
    ("membership", "files", "left"),
    [
        (VERSION_2, {}, None),
        (VERSION_2, {"kubepods/pod7/app/memory.max": "max"}, None),
        (VERSION_2, {"kubepods/pod7/app/memory.max": "1000", "kubepods/pod7/app/memory.current": "300"}, 700),
        (
            VERSION_2,
            {
                "kubepods/pod7/app/memory.max": "1000",
                "kubepods/pod7/app/memory.current": "900",
                "kubepods/pod7/app/memory.stat": "anon 100\ninactive_file 600\n",
                "kubepods/memory.max": "5000",
                "kubepods/memory.current": "4800",
            },
            200,
        ),
        (VERSION_2, {"memory.max": "1000", "memory.current": "1200"}, 0),
        (
            VERSION_1,
            {
                "memory/docker/1f/memory.limit_in_bytes": "1000",
                "memory/docker/1f/memory.usage_in_bytes": "900",
                "memory/docker/1f/memory.stat": "cache 1\ntotal_inactive_file 500\n",
            },
            600,
        ),
    ],
)
def test_memory_is_what_the_tightest_group_leaves(membership, files, left, tmp_path):
    groups = write(files, tmp_path / "cgroup")
    (tmp_path / "self").write_text(membership)
    assert memory_left(groups, tmp_path / "self") == left


def test_without_control_groups_nothing_is_limited(tmp_path):
    assert cpu_quota(tmp_path, tmp_path / "missing") is None
    assert memory_left(tmp_path, tmp_path / "missing") is None


def test_this_machine_has_a_core_and_memory():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    assert 0 < free_memory() <= psutil.virtual_memory().total
