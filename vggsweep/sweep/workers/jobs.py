"""The jobs that a command left in SLURM's queue: which of them still wait or run. Imports no torch."""

from __future__ import annotations

import subprocess

from vggsweep.errors import SweepError
from vggsweep.results.disk.layout import SweepDirectory

WAITS = "PENDING"


def jobs_of(directory: SweepDirectory) -> dict[str, str]:
    """The state of each of a sweep's queued jobs that still waits or runs, by its id, in SLURM's words.

    Raises:
        SweepError: ``squeue`` does not answer.
    """
    try:
        known = directory.jobs.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return {}
    if not known:
        return {}
    try:
        done = subprocess.run(
            ["squeue", "--me", "--noheader", "--array", "--format=%i %T"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise refused(error) from error
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line.strip())
    return {job: listed[job].strip() for job in known if job in listed}


def refused(error: Exception) -> SweepError:
    """What SLURM answered instead of jobs, with what to do."""
    said = getattr(error, "stderr", None) or str(error)
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return SweepError(
        f"SLURM took no jobs: {' '.join(text.split()).rstrip('.?')}. Type the command where `sinfo` lists a "
        "partition; hydra.launcher.partition and its other fields say what a job asks for."
    )
