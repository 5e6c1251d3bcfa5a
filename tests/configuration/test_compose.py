"""Composition: who wins over whom, and one readable paragraph for each wrong word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra

from vggsweep.configuration.compose import compose, expand_aliases, group_options
from vggsweep.configuration.refusal import field_names
from vggsweep.configuration.schema import Configuration
from vggsweep.errors import ConfigError

Plain = Callable[..., dict[str, Any]]
Configured = Callable[..., Configuration]


@pytest.mark.parametrize("preset", ["vgg11", "vgg13", "vgg16", "vgg19", "vgg_c", "vgg_a_lrn", "vgg_small"])
def test_presets_of_the_paper_choose_its_head_and_no_batch_norm(configured: Configured, preset: str) -> None:
    configuration = configured(f"arch={preset}")

    assert (configuration.head.name, configuration.head.hidden) == ("vgg", 4096)
    assert configuration.arch.batch_norm is False  # type: ignore[union-attr]


@pytest.mark.parametrize("line", [("arch=vgg16", "head=gap"), ("head=gap", "arch=vgg16")])
def test_head_of_the_command_line_beats_the_presets(configured: Configured, line: tuple[str, ...]) -> None:
    assert configured(*line).head.name == "gap"


def test_head_of_an_experiment_beats_the_presets(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /arch: vgg16\n  - override /head: gap\n"
    )

    configuration = configured("experiment=mine", extra_dir=tmp_path)

    assert (configuration.arch.name, configuration.head.name) == ("vgg16", "gap")


def test_head_of_the_command_line_beats_the_experiments(configured: Configured) -> None:
    assert configured("experiment=d2l_vgg", "head=gap").head.name == "gap"


def test_architecture_of_the_command_line_beats_the_experiments(configured: Configured) -> None:
    configuration = configured("experiment=d2l_vgg", "arch=vgg11")

    assert configuration.arch.name == "vgg11"
    assert configuration.arch.init == "xavier_uniform"  # type: ignore[union-attr]
    assert (configuration.dataset.resolution, configuration.optimizer.name) == (224, "sgd")


@pytest.mark.parametrize(
    "line", [("arch=vgg_scaled", "experiment=d2l_vgg"), ("experiment=d2l_vgg", "train.epochs=1")]
)
def test_field_of_the_command_line_beats_the_experiments(
    configured: Configured, line: tuple[str, ...]
) -> None:
    configuration = configured(*line, "optimizer.lr=0.5")

    assert configuration.optimizer.lr == 0.5


def test_notebooks_recipe_stays_what_the_notebook_says(configured: Configured) -> None:
    configuration = configured("experiment=d2l_vgg")
    optimizer, train, dataset = configuration.optimizer, configuration.train, configuration.dataset

    assert (optimizer.name, optimizer.lr, optimizer.weight_decay) == ("sgd", 0.01, 0.0)
    assert (optimizer.momentum, configuration.scheduler.name) == (0.0, "constant")  # type: ignore[union-attr]
    assert (train.epochs, train.batch_size, train.label_smoothing) == (10, 128, 0.0)
    assert (dataset.resolution, dataset.validation, dataset.mean, dataset.std) == (224, "test", None, None)
    assert not configuration.augment.changes_images


def test_own_options_of_config_dir_are_found(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("defaults: [sgd]\nlr: 0.25\n")

    assert configured("optimizer=mine", extra_dir=tmp_path).optimizer.lr == 0.25
    assert "mine" in group_options("optimizer", extra_dir=tmp_path)
    with pytest.raises(ConfigError, match="optimizer=mine: no such option"):
        compose(["optimizer=mine"])


@pytest.mark.parametrize("folder", ["it's", "two words", "a,b", "[x]"])
def test_config_dir_may_have_any_name(configured: Configured, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder / "optimizer").mkdir(parents=True)
    (tmp_path / folder / "optimizer" / "mine.yaml").write_text("defaults: [sgd]\nlr: 0.25\n")

    assert configured("optimizer=mine", extra_dir=tmp_path / folder).optimizer.lr == 0.25


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["arch=vgg61"], "arch=vgg61: no such option. Did you mean 'vgg16'? Valid: alexnet, "),
        (
            ["optimizer=null"],
            "optimizer=null: no such option. Valid: adam, adamw, custom, muon, rmsprop, sgd",
        ),
        (["experiment=d2l"], "experiment=d2l: no such option. Did you mean 'd2l_vgg'?"),
        (["budget=latency"], "objective=acc_vs_latency searches accuracy against measured latency, "),
        (["arch.dept=3"], "Unknown field arch.dept. Did you mean 'arch.depth'? Valid: arch.activation"),
        (["arch=vgg16", "arch.depth=3"], "Unknown field arch.depth. "),
        (["optmizer=sgd"], "Unknown field or group 'optmizer'. Did you mean 'optimizer'?"),
        (["lr=0.1"], "Unknown field or group 'lr'. Did you mean 'optimizer.lr'?"),
        (["epochs=3"], "Did you mean 'train.epochs'?"),
        (["model.depth=3"], "Did you mean 'arch.depth'?"),
        (["arch=resnet152"], "It is one of torchvision's: arch=torchvision arch.name=resnet152"),
        (["optimizer.betas=[0.9,0.99]"], "It is a field of optimizer=adam"),
        (["arch=vgg16", "arch.depth=3"], "It is a field of arch=vgg_scaled arch="),
        (["arch=custom", "arch.options.width=4"], "is added with a plus: +arch.options.width=4"),
        (["hydra.sweeper.n_trials=1"], "Ours takes n_trials=1; hydra/sweeper=optuna chooses Hydra's."),
        (["hydra.runn.dir=x"], "Unknown field hydra.runn.dir."),
        (["hydra.launcher.n_jobs=4"], "n_workers=4"),
        (["sede=3"], "Unknown field or group 'sede'. Did you mean 'seed'?"),
        (["quux=3"], "Unknown field or group 'quux'. `vggsweep --help` lists the groups and fields."),
        (["arch.stages=[[1,2]"], "'arch.stages=[[1,2]' does not read as an override. Its brackets"),
        (["train.ema=choice(null,0.99)"], "take no null. Write the choices with commas: train.ema=null,0.99"),
        (["depth"], "'depth' does not read as an override. Write key=value, such as train.epochs=3"),
        (["=3"], "'=3' does not read as an override"),
        (["arch.depth=4,8"], "'arch.depth=4,8' holds several values: add -m to sweep over them"),
        (["arch.depth=range(4,8)"], "holds several values: add -m"),
        (["optimizer.lr=interval(0,1)"], "holds several values: add -m"),
    ],
)
def test_wrong_words_are_refused_in_one_paragraph_with_the_near_match(line: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        compose(line)

    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_own_options_are_among_the_valid_ones_and_matched(tmp_path: Path) -> None:
    (tmp_path / "experiment" / "mnist").mkdir(parents=True)
    for name in ("mine", "mnist/base"):
        (tmp_path / "experiment" / f"{name}.yaml").write_text("# @package _global_\nseed: 3\n")

    with pytest.raises(ConfigError, match="Did you mean 'mine'\\? Valid: .*mine, mnist/base"):
        compose(["experiment=minee"], extra_dir=tmp_path)
    with pytest.raises(ConfigError, match="Did you mean 'mnist/base'"):
        compose(["experiment=mnist/bas"], extra_dir=tmp_path)
    assert compose(["experiment=mnist/base"], extra_dir=tmp_path).seed == 3


def test_search_path_of_the_line_and_config_dir_go_together(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "optimizer").mkdir(parents=True)
        (tmp_path / place / "optimizer" / f"{place}.yaml").write_text("defaults: [sgd]\nlr: 0.25\n")
    path = f"hydra.searchpath=['file://{tmp_path / 'two'}']"

    for name in ("one", "two"):
        assert compose([path, f"optimizer={name}"], extra_dir=tmp_path / "one").optimizer.lr == 0.25


def test_hydras_own_values_are_put_where_a_line_names_them() -> None:
    config = compose(["arch=vgg_small", "sweep.name='n_${hydra:runtime.choices.arch}'"])

    assert config.sweep.name == "n_vgg_small"


@pytest.mark.parametrize("text", ["n_${hydra.job.num}", "n_${hydra:job.num}"])
def test_number_of_a_job_is_said_to_be_unknown(text: str) -> None:
    with pytest.raises(ConfigError, match="hydra.job.num is unknown before trials have numbers"):
        compose([f"sweep.name='{text}'"])


def test_missing_config_dir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is not a directory"):
        compose([], extra_dir=tmp_path / "nowhere")


def test_broken_file_of_config_dir_is_refused_in_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("lr: [1,\nname: sgd\n")

    with pytest.raises(ConfigError) as refusal:
        compose(["optimizer=mine"], extra_dir=tmp_path)

    assert "\n" not in str(refusal.value)


def test_composing_leaves_hydras_global_state_as_it_was() -> None:
    assert not GlobalHydra.instance().is_initialized()
    compose([])
    with pytest.raises(ConfigError):
        compose(["arch=nope"])
    assert not GlobalHydra.instance().is_initialized()


def test_short_names_are_spelt_out() -> None:
    assert expand_aliases(["n_trials=5", "seed=1"]) == ["sweep.n_trials=5", "seed=1"]


def test_every_field_name_can_be_set_again_to_its_own_value() -> None:
    config = compose([])
    names = field_names(config)

    assert {"seed", "device", "arch.depth", "dataset.root", "sweep.name"} <= set(names)
    assert not any(name.startswith("hydra") for name in names)
    assert len(names) == len(set(names))
