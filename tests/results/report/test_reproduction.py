"""The text that reproduces a trial: a line for a shell, whatever a record holds."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from vggsweep.results.disk.record import Record
from vggsweep.results.findings.evidence import SweepFacts
from vggsweep.results.report.reproduction import reproducing_command, reproduction

Build = Callable[..., Record]


def test_words_of_the_sweep_as_a_whole_are_left_out(record: Build) -> None:
    words = ("experiment=quickstart", "sweep.name=quickstart", "sweep.n_trials=9", "arch.depth=7", "seed=2")

    assert reproducing_command(record(overrides=words)) == (
        "vggsweep experiment=quickstart arch.depth=7 seed=2"
    )


def test_record_of_a_trial_that_never_started_gets_the_sweeps_words(record: Build) -> None:
    facts = SweepFacts("mine", "vggsweep -m …", ("experiment=quickstart", "sweep.name=mine"))

    command = reproducing_command(record(overrides=("arch.depth=7",)), facts)

    assert command == "vggsweep experiment=quickstart arch.depth=7 sweep.name=again"


def test_a_persons_own_options_are_found_again(record: Build) -> None:
    facts = SweepFacts("mine", "vggsweep -m --config-dir 'my conf' experiment=mine", ())

    assert (
        reproducing_command(record(), facts)
        == "vggsweep --config-dir 'my conf' arch.depth=8 sweep.name=again"
    )


def test_nothing_in_a_record_runs_as_a_command_of_its_own(record: Build) -> None:
    evil = record(
        sweep="x\nrm -rf ~",
        overrides=("dataset.root=$(reboot)\nrm -rf ~", "train.epochs=1; reboot"),
        environment={"device_name": "a\nreboot", "packages": {"torch": "2\nreboot"}, "python": "3\n4"},
    )

    text = reproduction(evil)
    command = text[text.index("\nvggsweep ") + 1 :]

    assert all(line.startswith("# ") for line in text[: text.index("\nvggsweep ")].splitlines())
    assert shlex.split(command) == ["vggsweep", *evil.overrides]


def test_environment_stands_above_the_command(record: Build) -> None:
    text = reproduction(
        record(
            environment={
                "device_name": "a CPU",
                "precision": "fp32",
                "threads": 2,
                "packages": {"torch": "2.14.1", "numpy": None},
                "git_commit": "abc",
                "git_dirty": True,
            }
        )
    )

    assert text.splitlines() == [
        "# trial 7 of mine",
        "# a CPU, fp32, 2 CPU threads",
        "# torch 2.14.1",
        "# git commit abc with changes",
        "vggsweep arch.depth=8",
    ]
