"""Training from Python: the command's words, names, checks and resume, in a process that goes on."""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
import torch
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import vggsweep
from tests.processes import Command
from vggsweep.errors import ConfigError, RecordError, Stopped, SweepError, TrialFailed
from vggsweep.sweep.application import _alone
from vggsweep.verbs import summary as summary_verb

ROOT = Path(vggsweep.__file__).parents[1]


@pytest.fixture
def words(tiny_line: tuple[str, ...]) -> Callable[..., list[str]]:
    """``words("seed=1")``: those of a tiny training that these do not set, and these."""

    def make(*own: str) -> list[str]:
        keys = {word.partition("=")[0] for word in own}
        return [*(word for word in tiny_line if word.partition("=")[0] not in keys), *own]

    return make


Words = Callable[..., list[str]]


def test_finished_sweep_of_the_command_is_joined_and_trains_nothing(quickstart: Path, words: Words) -> None:
    before = (quickstart / "study.db").stat().st_size
    line = words("arch.depth=2,3", "arch.width=2,4", "objective=acc_vs_macs", "sweep.name=quickstart")

    sweep = vggsweep.sweep(line)

    assert sweep.directory == quickstart
    assert repr(sweep) == "<Sweep quickstart: 4 COMPLETE>"
    assert (quickstart / "study.db").stat().st_size == before


def test_command_that_a_call_names_finds_the_same_sweep(
    words: Words, start: Callable[..., Command], capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = vggsweep.sweep(words("arch.depth=2,3", "train.epochs=1"), n_trials=1)
    assert "all 1 trials are done" in capsys.readouterr().out
    saved = yaml.safe_load((sweep.directory / "sweep.yaml").read_text())

    command = start(*shlex.split(saved["command"])[1:], "n_trials=2")

    assert command.end() == 0, command.text
    assert f"Sweep {sweep.name}: all 2 trials are done (2 COMPLETE)." in command.text
    assert repr(sweep) == f"<Sweep {sweep.name}: 2 COMPLETE>"


@pytest.mark.parametrize(
    ("call", "line", "told"),
    [
        (vggsweep.train, ["arch.dept=3"], "Unknown field arch.dept. Did you mean 'arch.depth'?"),
        (vggsweep.train, ["arch.depth=4,8"], "holds several values: add -m"),
        (vggsweep.train, ["objective=acc_vs_macs"], "is for sweeps"),
        (vggsweep.train, "arch.depth=4", r"should be a list of words: \['arch.depth=4'\]"),
        (vggsweep.train, [8], "8 is no word"),
        (vggsweep.sweep, ["-m", "arch.depth=4,8"], "-m is a flag of the command"),
        (vggsweep.sweep, ["arch.depth=8"], "-m needs something to vary"),
        (vggsweep.sweep, ["arch.depth=4,abc"], "arch.depth=abc should be a whole number"),
    ],
)
def test_wrong_words_are_exceptions_and_leave_nothing(
    own_folder: Path, call: Callable[[Any], object], line: Any, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        call(line)
    assert list(own_folder.iterdir()) == []


def test_own_directory_of_options_is_taken_and_a_missing_one_refused(own_folder: Path, words: Words) -> None:
    (own_folder / "mine" / "optimizer").mkdir(parents=True)
    (own_folder / "mine" / "optimizer" / "slow.yaml").write_text("defaults: [sgd]\nlr: 0.0125\n")

    trial = vggsweep.train(words("optimizer=slow", "train.epochs=1"), config_dir="mine")

    assert trial.record.configuration["optimizer"]["lr"] == 0.0125
    with pytest.raises(ConfigError, match="--config-dir nowhere is not a directory"):
        vggsweep.train(words(), config_dir="nowhere")


def test_summary_has_the_layers_of_the_command_and_a_wrong_word_is_an_exception(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["arch=vgg11", "dataset.resolution=64"]
    layers = vggsweep.summary(words, expand=True)

    assert summary_verb.run(argparse.Namespace(overrides=words, json=True, expand=True, config_dir=None)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(layers.index) == [layer["name"] for layer in printed["layers"]]
    assert layers["macs"].sum() == printed["totals"]["macs"]
    assert layers["params"].sum() == printed["totals"]["params"]
    with pytest.raises(ConfigError, match=r"Did you mean 'arch\.depth'"):
        vggsweep.summary(["arch.dept=8"])


def test_training_leaves_the_process_as_it_was(words: Words) -> None:
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    threads, argv, environment = torch.get_num_threads(), list(sys.argv), dict(os.environ)
    torch.manual_seed(7)
    random.seed(7)
    expected = (torch.rand(1).item(), random.random())
    torch.manual_seed(7)
    random.seed(7)
    try:
        trial = vggsweep.train(words("train.threads=2", "train.deterministic=true", "train.epochs=1"))
        assert handler in logging.getLogger().handlers
    finally:
        logging.getLogger().removeHandler(handler)

    assert trial.record.environment["threads"] == 2
    assert (torch.rand(1).item(), random.random()) == expected
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert (sys.argv, dict(os.environ)) == (argv, environment)
    assert not GlobalHydra.instance().is_initialized()


def test_application_of_ones_own_may_train_within_its_task(
    own_folder: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    (own_folder / "conf").mkdir()
    (own_folder / "conf" / "own.yaml").write_text("lr: 0.5")

    @hydra.main(config_path=str(own_folder / "conf"), config_name="own")
    def application(config: DictConfig) -> None:
        own, name = GlobalHydra.instance().hydra, HydraConfig.get().job.name
        found.append(vggsweep.train(words("train.epochs=1")))
        found.append(vggsweep.sweep(words("train.epochs=1", "arch.depth=2,3")))
        assert GlobalHydra.instance().hydra is own
        assert HydraConfig.get().job.name == name
        assert config.lr == 0.5

    quiet = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"]
    monkeypatch.setattr(sys, "argv", ["application", *quiet, "hydra/hydra_logging=none"])
    application()

    trial, sweep = found
    assert trial.val_acc is not None
    assert len(sweep.table()) == 2


def test_run_that_fails_is_an_exception_with_its_reason(words: Words) -> None:
    with pytest.raises(TrialFailed, match="trial 0 failed: The loss became NaN or infinite"):
        vggsweep.train(words("optimizer.lr=1e30"))


def test_sweep_without_a_completed_trial_is_an_exception_and_can_be_opened(words: Words) -> None:
    with pytest.raises(SweepError, match="No trial of sweep bad completed|trials failed"):
        vggsweep.sweep(words("optimizer.lr=1e30,1e31", "sweep.name=bad", "sweep.max_failures=1"))
    sweep = vggsweep.open_sweep("bad")
    assert repr(sweep) == "<Sweep bad: 2 FAIL>"
    with pytest.raises(RecordError, match="No trial of bad has completed"):
        sweep.best()


def _signal_after_an_epoch(trial: Path) -> threading.Thread:
    def send() -> None:
        deadline = time.monotonic() + 60
        while not (trial / "history.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("is_sweep", [False, True], ids=["train", "sweep"])
def test_ctrl_c_stops_cleanly_and_the_same_call_continues(
    own_folder: Path, words: Words, is_sweep: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["arch.depth=2,3", "n_trials=1"] if is_sweep else []
    line = words("train.epochs=12", *own, "sweep.name=long")
    call: Callable[[list[str]], Any] = vggsweep.sweep if is_sweep else vggsweep.train
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    sender = _signal_after_an_epoch(own_folder / "outputs" / "long" / "trials" / "00000")

    with pytest.raises(Stopped, match="The same command continues"):
        call(line)

    sender.join()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    call(line)
    trial = vggsweep.open_sweep("long").trial(0)
    assert trial.record.metrics["epochs_run"] == 12
    assert len(trial.history()) == 12
    assert "continues after epoch" in capsys.readouterr().err


def test_another_thread_may_train_but_one_at_a_time(words: Words) -> None:
    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(vggsweep.train(words("train.epochs=1"))))
    thread.start()
    thread.join()
    assert given[0].record.state == "COMPLETE"

    with _alone(), pytest.raises(SweepError, match="This process trains already, in another thread"):
        vggsweep.train(words("train.epochs=1"))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_script_without_a_guard_of_its_main_module_may_have_several_workers(
    own_folder: Path, words: Words
) -> None:
    script = own_folder / "script.py"
    script.write_text(
        f"""print("begins")
import vggsweep
for n_trials in (2, 4):
    print(vggsweep.sweep({words("arch.depth=2,3,4,5", "train.epochs=1")!r}, n_trials=n_trials, n_workers=2))
"""
    )
    found = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("begins") == 1
    assert found.stdout.rstrip().endswith(": 4 COMPLETE>")
