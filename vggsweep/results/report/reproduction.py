"""The command and the environment that reproduce a trial, as text to paste into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from vggsweep.results.disk.record import Record
from vggsweep.results.findings.evidence import SweepFacts

# Words that tell a sweep what to run, and a single run nothing.
OF_THE_SWEEP = (
    *("sweep.", "sweep=", "n_trials=", "n_workers=", "hydra.", "hydra/"),
    *("objective=", "objective.", "pruner=", "pruner.", "space=", "space."),
)

# Where trials of a sweep are trained again, lest they mix with it.
AGAIN = "again"


def reproducing_command(record: Record, facts: SweepFacts | None = None) -> str:
    """The line that trains a trial's configuration again, as a single run.

    Args:
        record: the trial's.
        facts: of its sweep; a record of a trial that never started lacks the sweep's own words.

    >>> record = Record("mine", 3, "COMPLETE", None, "", {}, overrides=("sweep.name=mine", "arch.depth=8"))
    >>> reproducing_command(record)
    'vggsweep arch.depth=8'
    """
    words = list(record.overrides)
    if facts is not None:
        words = [*(word for word in facts.words if word not in words), *words]
    kept = [word for word in words if not word.startswith(OF_THE_SWEEP)]
    if facts is not None and facts.command is not None:
        # an experiment would name its own sweep, and a single run is no trial of that
        kept.append(f"sweep.name={AGAIN}")
    return shlex.join(["vggsweep", *_config_directory(facts), *kept])


def _config_directory(facts: SweepFacts | None) -> list[str]:
    """Options of a person's own come from the directory that the sweep's line named."""
    try:
        typed = shlex.split(facts.command or "") if facts is not None else []
    except ValueError:
        return []
    for at, word in enumerate(typed):
        if word in ("--config-dir", "-cd") and at + 1 < len(typed):
            return ["--config-dir", typed[at + 1]]
        if word.startswith("--config-dir="):
            return ["--config-dir", word.partition("=")[2]]
    return []


def environment_lines(record: Record) -> Sequence[str]:
    """What the trial ran on, most telling first; each is one line, whatever the record holds."""
    node = record.environment
    packages = node.get("packages")
    commit = node.get("git_commit")
    source = f"git commit {commit}" + (" with changes" if node.get("git_dirty") else "") if commit else None
    threads = f"{node['threads']} CPU threads" if node.get("threads") else None
    device = ", ".join(
        str(part) for part in (node.get("device_name"), node.get("precision"), threads) if part
    )
    found = packages.items() if isinstance(packages, dict) else ()
    versions = ", ".join(f"{name} {version}" for name, version in found if version)
    python = f"Python {node['python']}" if node.get("python") else None
    lines = [device, versions, source, python, node.get("platform")]
    return [" ".join(str(line).split()) for line in lines if line]


def reproduction(record: Record, facts: SweepFacts | None = None) -> str:
    """Command and environment in one text: comments that a shell leaves alone, then the line."""
    title = " ".join(f"# trial {record.trial} of {record.sweep}".split())
    return "\n".join(
        [title, *(f"# {line}" for line in environment_lines(record)), reproducing_command(record, facts)]
    )
