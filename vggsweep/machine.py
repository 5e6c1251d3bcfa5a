"""What this process may use of the machine: a container's limits, where they are below the machine's own.

Linux tells them in control groups, of two generations that a machine may mix: version 2 has one tree,
version 1 one for each resource. Every group above a process limits it too.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# Who sets one of these has shared the cores out already (a person, joblib, Ray).
THREAD_VARIABLES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")


def usable_cores() -> int:
    """Cores that this process gets.

    Those it may run on (fewer than the machine's under SLURM or taskset), or fewer where a quota shares out
    their time.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def threads_of_worker(workers: int, cores: int, environment: Mapping[str, str]) -> int:
    """CPU threads of one of several workers.

    Args:
        workers: on this host.
        cores: that this process may use.
        environment: where cores may have been shared out already.

    >>> threads_of_worker(4, 16, {}), threads_of_worker(4, 2, {})
    (4, 1)
    >>> threads_of_worker(2, 16, {"OMP_NUM_THREADS": "3"})
    3
    """
    for variable in THREAD_VARIABLES:
        if environment.get(variable, "").isdecimal():
            return max(1, int(environment[variable]))
    return max(1, cores // workers)


def cpu_quota(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> float | None:
    """Cores' worth of time that the control groups grant; None where nothing limits it.

    Args:
        cgroups: where the control groups are mounted.
        membership: the file that tells which group is this process's.
    """
    quotas = [(*_words(folder / "cpu.max"), "", "")[:2] for folder in _groups("", cgroups, membership)]
    quotas += [
        (_word(folder / "cpu.cfs_quota_us"), _word(folder / "cpu.cfs_period_us"))
        for folder in _groups("cpu", cgroups, membership)
    ]
    granted = [
        int(quota) / int(period)
        for quota, period in quotas
        if quota.isdecimal() and period.isdecimal() and int(period)
    ]
    return min(granted, default=None)


def free_memory() -> int:
    """Bytes that this process can still take: of the machine, or of its control groups if that is less."""
    import psutil  # type: ignore[import-untyped]

    machine = int(psutil.virtual_memory().available)
    group = memory_left()
    return machine if group is None else min(machine, group)


def memory_left(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes below the lowest limit of the control groups; None where nothing limits it.

    What a group holds of files and could drop at once counts as free.

    Args:
        cgroups, membership: see `cpu_quota`.
    """
    files = (
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )
    left = []
    for controller, limit_name, used_name, droppable_name in files:
        for folder in _groups(controller, cgroups, membership):
            limit, used = _word(folder / limit_name), _word(folder / used_name)
            if limit.isdecimal():
                words = _words(folder / "memory.stat")
                droppable = dict(zip(words[::2], words[1::2], strict=False)).get(droppable_name, "0")
                taken = int(used) - int(droppable) if used.isdecimal() and droppable.isdecimal() else 0
                left.append(max(0, int(limit) - max(0, taken)))
    return min(left, default=None)


def _groups(controller: str, cgroups: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process's group and of every group above it, where they can be seen.

    Args:
        controller: of version 1, such as ``cpu``; empty for version 2.
    """
    try:
        lines = membership.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not Linux
        return
    mounts = [cgroups / controller] if controller else [cgroups, cgroups / "unified"]
    paths = {Path("/")}  # a container often sees its own group at the root, whatever its name outside
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            paths |= {Path(path), *Path(path).parents}
            if controller:
                mounts.append(cgroups / controllers)  # ``cpu,cpuacct`` is mounted by this whole name
    for mount, group in itertools.product(mounts, paths):
        if ".." not in group.parts and (mount / group.relative_to("/")).is_dir():
            yield mount / group.relative_to("/")


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []


def _word(file: Path) -> str:
    return (*_words(file), "")[0]
