"""Loggers on the line and in files: none by default, several at once, and refusals that help."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.orders import read_spec
from vggsweep.configuration import logger_settings
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.identity import configuration_hashes
from vggsweep.configuration.line import check_run
from vggsweep.configuration.logger_settings import MlflowSettings, TensorBoardSettings
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.errors import ConfigError
from vggsweep.sweep.spec.spec import SweepSpec, naming_overrides

Configured = Callable[..., Configuration]
SECRET = "hunter2"


@pytest.fixture
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger_settings, "find_spec", lambda name: importlib.util.find_spec("json"))


def spec_of(*words: str, extra_dir: Path | None = None) -> SweepSpec:
    return read_spec(words, extra_dir=extra_dir)


def test_no_logger_is_chosen_by_itself_and_several_add_up(configured: Configured) -> None:
    assert configured().logger == {}
    assert configured("logger=none").logger == {}
    assert configured("logger=tensorboard").logger == {"tensorboard": TensorBoardSettings(dir=None)}
    both = configured("logger=[tensorboard,mlflow]", "logger.mlflow.uri=http://lab:5000").logger
    assert both == {
        "tensorboard": TensorBoardSettings(dir=None),
        "mlflow": MlflowSettings(uri="http://lab:5000"),
    }


def test_an_experiment_chooses_loggers_and_the_line_others(
    configured: Configured, tmp_path: Path, all_installed: None
) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /logger: [tensorboard, mlflow]\n"
        "logger:\n  mlflow:\n    uri: http://lab:5000\n"
    )

    assert list(configured("experiment=mine", extra_dir=tmp_path).logger) == ["tensorboard", "mlflow"]
    assert spec_of("experiment=mine", "arch.depth=4,8", extra_dir=tmp_path).base["logger"] == {
        "tensorboard": {"dir": None},
        "mlflow": {"uri": "http://lab:5000"},
    }


def test_a_sweep_has_its_loggers_as_a_whole_and_its_name_from_the_other_words(all_installed: None) -> None:
    spec = spec_of("arch.depth=4,8", "logger=[tensorboard,wandb]", "logger.wandb.project=mine")

    assert list(spec.base["logger"]) == ["tensorboard", "wandb"]
    assert spec.name == spec_of("arch.depth=4,8").name
    assert naming_overrides(["logger=wandb", "logger.wandb.project=x", "seed=1"]) == ["seed=1"]
    assert spec.fingerprint() == spec_of("arch.depth=4,8").fingerprint()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["logger=csv"], "logger=csv: no such option. Every trial writes history.csv: leave the word out."),
        (["logger=tensorbord"], "Did you mean 'tensorboard'?"),
        (["logger=tensorboard,mlflow"], "several loggers at once are a list: logger=[tensorboard,mlflow]"),
        (["+logger=mlflow"], "logger has an option already; another takes its place without the plus: "),
        (["logger.mlflow.uri=x"], "a field of a logger that is not chosen; add logger=mlflow."),
        (["logger=wandb", "logger.wandb.mode=of"], "logger.wandb.mode=of is not a choice"),
        (["logger=custom"], "logger=custom needs the dotted name of a class"),
        (["+logger.tensorbord.dir=x"], "logger.tensorbord: there is no such logger."),
        (["+logger.mlflow=x"], "logger.mlflow=x should be a group of fields; logger=mlflow chooses it."),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(line: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_run(line, None, "config")

    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_loggers_are_not_swept(all_installed: None) -> None:
    with pytest.raises(ConfigError, match=r"Several at once are a list: logger=\[tensorboard,mlflow\]"):
        spec_of("arch.depth=4,8", "logger=tensorboard,mlflow")


def test_a_logger_whose_package_is_missing_is_refused_with_its_extra(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger_settings, "find_spec", lambda name: None)

    with pytest.raises(ConfigError, match=r"pip install 'vggsweep\[trackio\]'"):
        check_configuration(configured("logger=[custom,trackio]", "logger.custom.target=a.b"))


@pytest.mark.parametrize("uri", [f"http://me:{SECRET}@lab:5000", f"postgresql:///x?password={SECRET}"])
def test_a_password_in_an_address_is_refused_and_not_repeated(uri: str, all_installed: None) -> None:
    with pytest.raises(ConfigError, match="logger.mlflow.uri holds a password") as refusal:
        check_run(["logger=mlflow", f"logger.mlflow.uri='{uri}'"], None, "config")

    assert SECRET not in str(refusal.value)


def test_a_password_of_the_environment_stays_there(
    plain: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    uri = "http://me:${oc.env:TOKEN}@lab:5000"

    found = plain("logger=mlflow", f"logger.mlflow.uri='{uri}'")

    assert found["logger"]["mlflow"]["uri"] == uri


def test_configurations_of_earlier_releases_are_read_and_keep_their_hash(
    plain: Callable[..., dict[str, Any]],
) -> None:
    now = plain()
    before = {**now, "logger": {"name": "csv"}}

    assert read_configuration(before) == read_configuration(now)
    assert configuration_hashes(before) == configuration_hashes(now)
