"""From plain values to typed settings: what is refused, and where the refusal points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.errors import ConfigError

Plain = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["arch.depth=abc"], "arch.depth=abc should be a whole number."),
        (["arch.depth=0"], "arch.depth=0 is too small; the least is 1."),
        (["arch.depth=[1,2]"], "arch.depth=[1,2] should be a whole number."),
        (["arch.depth=null"], "arch.depth=null should be a whole number."),
        (["arch.width=nan"], "arch.width=nan is not a finite number."),
        (["arch.width=-3"], "arch.width=-3 must be more than 0."),
        (["arch.batch_norm=maybe"], "arch.batch_norm=maybe should be true or false."),
        (["arch.activation=rleu"], "arch.activation=rleu is not a choice. Did you mean 'relu'?"),
        (["arch=custom"], "arch=custom needs the dotted name of what makes the network"),
        (
            ["arch.family=foo"],
            "arch.family=foo: no such choice. Valid: alexnet, convnext, custom, densenet, ",
        ),
        (["optimizer.name=sdg"], "optimizer.name=sdg: no such choice. Did you mean 'sgd'?"),
        (["dataset.name=fashion_mnits"], "no such choice. Did you mean 'fashion_mnist'?"),
        (["dataset.name=EuroSAT"], "is a set of torchvision: dataset=torchvision dataset.name=EuroSAT."),
        (["dataset=torchvision"], "needs the name of a set, such as dataset.name=EuroSAT."),
        (["dataset=torchvision", "dataset.name=eurosat"], "Did you mean 'EuroSAT'? Valid: CIFAR10, "),
        (["dataset=torchvision", "dataset.name=mnist"], "an option of its own: dataset=mnist."),
        (["dataset=arrays"], "needs an .npz file, such as dataset.path=my_images.npz."),
        (["dataset=huggingface"], "such as dataset.path=my_images.parquet."),
        (["train.epochs=0"], "train.epochs=0 is too small; the least is 1."),
        (["train.precision=fp61"], "train.precision=fp61 is not a choice. Did you mean 'fp16'?"),
        (["optimizer=adam", "optimizer.betas=0.9"], "optimizer.betas=0.9 should be a list"),
        (["optimizer=adam", "optimizer.betas=[0.9,1.0]"], "optimizer.betas=[0.9,1.0] must be less than 1."),
        (["seed=-1"], "seed=-1 should be a whole number from 0 to 2^32 - 1."),
        (["seed=4294967296"], "seed=4294967296 should be a whole number"),
        (["seed=1.5"], "seed=1.5 should be a whole number"),
        (["seed=true"], "seed=True should be a whole number"),
        (["device=3"], "device=3 should be auto, cpu, cuda, cuda:1 or mps."),
        (["sweep=3"], "sweep=3 should be a group of fields"),
        (["~seed"], "seed is missing from the configuration."),
        (["~arch"], "arch is missing from the configuration."),
        (["~arch.depth"], "arch.depth is missing; give it a value, such as arch.depth="),
        (["+arch.foo=1"], "Unknown field arch.foo. "),
        (["+objectve.name=x"], "Unknown field 'objectve' at the top. Did you mean 'objective'?"),
        (["+x=1"], "Unknown field 'x' at the top. Valid: arch, "),
        (["arch.depth=${arch.dpeth}"], "arch.dpeth"),
        (["arch.depth=???"], "arch.depth"),
        (["sweep.n_trials=x"], "sweep.n_trials=x should be a whole number."),
    ],
)
def test_refusals_name_path_and_value_in_one_paragraph(line: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_configuration(resolved(compose(line)))

    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_interpolations_are_resolved(plain: Plain) -> None:
    assert plain("arch.width=${arch.depth}")["arch"]["width"] == 8


def test_environment_gives_numbers_where_numbers_are_meant(
    plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"LR": "1e-3", "SEED": "7", "CLIP": "null", "NORM": "False", "NAME": "42"}.items():
        monkeypatch.setenv(f"VGG_{name}", text)
    values = plain(
        "optimizer.lr=${oc.env:VGG_LR}",
        "seed=${oc.env:VGG_SEED}",
        "train.clip_grad_norm=${oc.env:VGG_CLIP}",
        "arch.batch_norm=${oc.env:VGG_NORM}",
        "sweep.name=${oc.env:VGG_NAME}",
    )

    assert values["optimizer"]["lr"] == 0.001
    assert (values["seed"], values["train"]["clip_grad_norm"]) == (7, None)
    assert values["arch"]["batch_norm"] is False
    assert read_configuration(values).sweep.name == "42"


def test_text_that_spells_no_number_is_refused_as_ever(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG_LR", "fast")
    with pytest.raises(ConfigError, match="optimizer.lr=fast should be a number"):
        read_configuration(plain("optimizer.lr=${oc.env:VGG_LR}"))


def test_typed_settings_are_frozen_all_the_way_down(plain: Plain) -> None:
    configuration = read_configuration(plain("arch=vgg_c"))

    assert isinstance(configuration, Configuration)
    assert configuration.arch.stages[2] == (3, 256, (3, 3, 1))  # type: ignore[union-attr]
    for node in (configuration, configuration.arch, configuration.train):
        with pytest.raises(dataclasses.FrozenInstanceError):
            node.name = "other"  # type: ignore[union-attr, misc]


def test_whole_numbers_become_floats_where_a_real_number_is_meant(plain: Plain) -> None:
    configuration = read_configuration(plain("arch.width=16", "optimizer.lr=1"))

    assert isinstance(configuration.arch.width, float)  # type: ignore[union-attr]
    assert isinstance(configuration.optimizer.lr, float)
