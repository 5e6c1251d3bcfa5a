"""What is refused once every value by itself is fine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.configuration.checks import check_configuration, check_name
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import Configuration
from vggsweep.errors import ConfigError, InfeasibleConfig

Configured = Callable[..., Configuration]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["arch.depth=3"], "arch.depth=3 is less than arch.num_blocks=4"),
        (["dataset.resolution=8"], "The smallest that works is dataset.resolution=16."),
        (["arch=vgg16", "dataset.resolution=28"], "The smallest that works is dataset.resolution=32."),
    ],
)
def test_networks_that_cannot_exist_are_infeasible(
    configured: Configured, line: list[str], told: str
) -> None:
    with pytest.raises(InfeasibleConfig) as refusal:
        check_configuration(configured(*line))

    assert told in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["head=native"], "head=native belongs to networks with a head of their own"),
        (["arch=lenet", "head=gap"], "head=gap would be ignored"),
        (["device=gpu"], "device=gpu is not a device. Valid: auto, cpu, cuda"),
        (["device=cuda:x"], "device=cuda:x is not a device"),
        (["train.batch_size=4801"], "larger than the 4800 training images"),
        (["dataset.limit=100"], "train.batch_size=128 is larger than the 100 training images"),
        (["scheduler.warmup_epochs=6"], "scheduler.warmup_epochs=6 is longer than train.epochs=5"),
        (["dataset.channels=3"], "Use dataset.channels=1."),
        (["dataset=image_folder"], "dataset.root is missing"),
        (["sweep.name=../x"], "sweep.name='../x' is not usable as a directory name"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    configured: Configured, line: list[str], told: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_configuration(configured(*line))

    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_values_at_the_edge_pass(configured: Configured) -> None:
    check_configuration(configured("train.batch_size=4800", "scheduler.warmup_epochs=5", "device=cuda:11"))
    check_configuration(configured("arch.depth=4", "dataset.resolution=16"))


def test_input_shape_is_what_the_data_set_says(configured: Configured) -> None:
    shape = input_shape(configured("dataset=cifar100"))

    assert (shape.channels, shape.resolution, shape.num_classes) == (3, 32, 100)


@pytest.mark.parametrize("name", ["x", "my-sweep", "a.b", "größe", "x" * 100, "two words", "-"])
def test_usable_names_pass(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "a/b",
        "a\\b",
        "../x",
        "a..b",
        "x" * 101,
        "a\nb",
        "a\0b",
        "\x7f",
        "a\x85b",
        "🙂" * 64,
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is not usable as a directory name"):
        check_name(name)


@given(st.text(max_size=110))
def test_a_name_that_passes_is_one_path_component(name: str) -> None:
    refusal = None
    try:
        check_name(name)
    except ConfigError as error:
        refusal = str(error)

    if refusal is not None:
        assert "\n" not in refusal
    else:
        assert len(name) <= 100
        assert not set(name) & set("/\\\0\n\r\x9b")
        assert len(name.encode()) <= 255
        assert name not in ("", ".", "..")
