from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import vggsweep
from vggsweep.measure.environment import PACKAGES, describe_environment

CHECKOUT = Path(vggsweep.__file__).parents[1]


@pytest.fixture
def environment() -> dict[str, Any]:
    return describe_environment(device="cpu", device_name="a processor", precision="fp32", threads=2)


def test_versions_are_those_that_are_installed(environment: dict[str, Any]) -> None:
    packages = environment["packages"]
    assert set(packages) == set(PACKAGES)
    for name in ("torch", "optuna", "hydra-core", "numpy"):
        assert packages[name] == version(name)
    assert environment["python"] == platform.python_version()


def test_device_precision_and_threads_are_those_of_the_trial(environment: dict[str, Any]) -> None:
    assert environment["device"] == "cpu"
    assert environment["device_name"] == "a processor"
    assert environment["precision"] == "fp32"
    assert environment["threads"] == 2
    assert environment["cpus"] >= 1


def test_the_source_is_named_in_a_checkout_and_left_open_elsewhere(environment: dict[str, Any]) -> None:
    commit, dirty = environment["git_commit"], environment["git_dirty"]
    if commit is None:
        assert dirty is None
    else:
        assert (CHECKOUT / ".git").exists()
        assert len(commit) == 40
        assert isinstance(dirty, bool)


def test_a_record_can_hold_it(environment: dict[str, Any]) -> None:
    assert json.loads(json.dumps(environment)) == environment
