"""What a line or a file sets in Hydra's own node."""

from __future__ import annotations

from pathlib import Path

import pytest

from vggsweep.configuration.line import Line, check_run, check_sweep, read_line
from vggsweep.errors import ConfigError


def line_of(*words: str, extra_dir: Path | None = None) -> Line:
    return read_line(words, extra_dir=extra_dir, config_name="config")


def experiment(folder: Path, text: str) -> Path:
    """A directory for ``--config-dir`` with ``experiment=mine``."""
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    return folder


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("run.dir", "elsewhere", "hydra.run.dir=elsewhere would move none of our files"),
        ("sweep.dir", "elsewhere", "hydra.sweep.dir=elsewhere would move none"),
        ("sweep.subdir", "x", "hydra.sweep.subdir=x would move none"),
        ("job.chdir", "true", "hydra.job.chdir=true would move none"),
        ("sweeper.n_trials", "3", "Ours takes n_trials=3;"),
        ("sweeper.n_jobs", "2", "Ours takes n_workers=2;"),
        ("sweeper.direction", "minimize", "Ours takes objective=val_acc"),
        ("sweeper.study_name", "mine", "Ours takes sweep.name=mine"),
        ("sweeper.storage", "x", "Ours takes sweep.storage="),
    ],
)
def test_field_that_nothing_obeys_is_refused_on_the_line_and_in_a_file(
    tmp_path: Path, field: str, value: str, told: str
) -> None:
    group, _, name = field.partition(".")
    extra_dir = experiment(tmp_path, f"hydra:\n  {group}:\n    {name}: {value}\n")

    for words in ([f"hydra.{field}={value}"], ["experiment=mine"]):
        with pytest.raises(ConfigError, match=told):
            line_of(*words, "arch.depth=4,6", extra_dir=extra_dir)


def test_params_of_our_sweeper_in_a_file_are_refused_with_the_node_that_is_ours(tmp_path: Path) -> None:
    extra_dir = experiment(tmp_path, "hydra:\n  sweeper:\n    params:\n      arch.depth: choice(4,6)\n")

    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.params .* Ours takes space\.params"):
        line_of("experiment=mine", extra_dir=extra_dir)


def test_stock_optuna_sweeper_maximises_unless_told_otherwise() -> None:
    assert line_of("hydra/sweeper=optuna", "arch.depth=4,6").hydra.sweeper.direction == "maximize"
    several = "hydra.sweeper.direction=[maximize,minimize]"
    with pytest.raises(ConfigError, match="val_acc alone"):
        check_sweep(line_of("hydra/sweeper=optuna", several, "arch.depth=4,6"), None, "config")


def test_params_of_a_stock_sweeper_in_a_file_are_checked_and_name_the_sweep(tmp_path: Path) -> None:
    chosen = (
        "defaults:\n  - override /hydra/sweeper: optuna\nhydra:\n  sweeper:\n    params:\n      arch.depth: "
    )
    extra_dir = experiment(tmp_path, f"{chosen}choice(4,6)\n")
    assert check_sweep(line_of("experiment=mine", extra_dir=extra_dir), extra_dir, "config") == [
        "sweep.name=mine"
    ]

    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{chosen}choice(4,six)\n")
    with pytest.raises(ConfigError, match="arch.depth=six should be a whole number"):
        check_sweep(line_of("experiment=mine", extra_dir=extra_dir), extra_dir, "config")


@pytest.mark.parametrize(
    "word", ["space=depth_width", "pruner=pareto", "objective=acc_vs_macs", "n_trials=3"]
)
def test_word_that_only_a_sweep_of_ours_obeys_is_refused_elsewhere(word: str) -> None:
    with pytest.raises(ConfigError, match=f"^{word} is for sweeps: add -m"):
        check_run([word], None, "config")
    with pytest.raises(ConfigError, match=f"^{word} is for our own sweeper"):
        check_sweep(line_of("hydra/sweeper=basic", "arch.depth=4,5", word), None, "config")


def test_experiment_whose_space_a_stock_sweeper_leaves_out_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check_sweep(line_of("hydra/sweeper=basic", "experiment=quickstart", "seed=0,1"), None, "config")

    assert "hydra/sweeper=basic does not obey space, objective, pruner" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["hydra/sweeper=basic", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"])
def test_sweeper_and_launcher_of_a_single_run_are_refused(word: str) -> None:
    chosen = [] if "/" in word else ["hydra/launcher=joblib"]
    with pytest.raises(ConfigError, match="is for sweeps: add -m"):
        check_run([*chosen, word], None, "config")


@pytest.mark.parametrize("word", ["hydra.mode=MULTIRUN", "hydra.mode=RUN"])
def test_mode_is_said_by_the_flag_alone(word: str) -> None:
    with pytest.raises(ConfigError, match=f"^{word}: -m makes a line a sweep"):
        line_of(word, "seed=1")
