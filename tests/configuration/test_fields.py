"""Every field is told with its type, default and comment, from the YAML and the settings alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vggsweep.configuration.fields import Field, fields, options
from vggsweep.configuration.help_page import help_page
from vggsweep.configuration.refusal import field_names
from vggsweep.configuration.schema import NODES
from vggsweep.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"
Plain = Callable[..., dict[str, Any]]


def field(path: str, option: str | None = None, extra_dir: Path | None = None) -> Field:
    return next(one for one in fields(extra_dir) if one.path == path and one.option == option)


def test_every_field_of_every_option_has_a_comment_and_a_type() -> None:
    assert [f"{one.path} of {one.option}" for one in fields() if not one.comment or not one.type] == []


def test_every_option_of_the_tree_is_told_with_what_its_file_says_first() -> None:
    in_tree = {(path.parent.name, path.stem) for path in CONF.glob("*/*.yaml")}
    told = {(one.group, one.name): one.comment for one in options()}

    assert told.keys() == in_tree
    assert all(told.values())
    assert told["arch", "custom"].endswith("channels and num_classes.")  # without its example


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["arch=vgg16", "optimizer=adam", "scheduler=step", "pruner=pareto"],
        ["measure=none", "pruner=median"],
    ],
    ids=" ".join,
)
def test_fields_and_defaults_are_those_that_hydra_composes(plain: Plain, words: list[str]) -> None:
    from vggsweep.configuration.compose import compose

    chosen = dict(word.split("=") for word in words)
    defaults = {one.group: one.name for one in options() if one.is_default}
    used = {None, *({**defaults, **chosen}.items())}
    ours = {
        one.path: one.default
        for one in fields()
        if (None if one.group is None else (one.group, one.option)) in used
    }
    config = compose(words)

    assert ours.keys() == {name for name in field_names(config) if name.partition(".")[0] in NODES} | {
        "space.params"
    }
    composed = plain(*words)
    for path, value in ours.items():
        node: Any = composed
        for key in path.split("."):
            node = node[key]
        if path not in ("head.name", "head.hidden", "head.dropout"):  # arch=vgg16 chooses another head
            assert node == value, path


@pytest.mark.parametrize(
    ("path", "option", "kind"),
    [
        ("train.epochs", "default", "int >= 1"),
        ("train.ema", "default", "0 < float < 1 or null"),
        ("train.precision", "default", "auto | fp32 | bf16 | fp16"),
        ("optimizer.betas", "adam", "list of 0 <= float < 1"),
        ("arch.batch_norm", "vgg16", "bool"),
        ("sweep.stop", None, "plateau or null"),
        ("seed", None, "int >= 0"),
    ],
)
def test_type_is_said_with_its_bounds(path: str, option: str | None, kind: str) -> None:
    assert field(path, option).type == kind


def test_default_and_comment_are_those_of_the_option() -> None:
    assert field("optimizer.lr", "adamw").default == 2e-3
    assert field("arch.stages", "vgg11").comment == "[num_convs, channels] a block, from the input on"
    assert field("space.hook", "none").comment == field("space.hook", "depth_width").comment != ""


def test_options_of_ones_own_are_told_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "arch").mkdir()
    (tmp_path / "arch" / "mine.yaml").write_text(
        "# A thin one.\ndefaults: [vgg_scaled]\nname: mine   # what tables call it\nwidth: 4    # thin\n"
    )

    assert (field("arch.width", "mine", tmp_path).default, field("arch.width", "mine", tmp_path).comment) == (
        4,
        "thin",
    )
    assert field("arch.depth", "mine", tmp_path) == Field(
        **{**vars(field("arch.depth", "vgg_scaled")), "option": "mine"}
    )
    assert "arch=mine                     A thin one." in help_page(["arch"], tmp_path)


def test_help_has_a_row_for_every_field_that_a_person_sets() -> None:
    page = help_page()
    rows = {line.partition("=")[0] for line in page.splitlines() if line[:1].isalpha()}

    assert rows >= {one.path for one in fields() if not one.names_its_option}
    for group in {one.group for one in options()}:
        assert f"\n{group} " in page
    assert all(one.name in page for one in options())


def test_words_after_help_narrow_it() -> None:
    assert help_page(["train.epochs"]) == (
        "train.epochs=5                passes over the training images [int >= 1]"
    )
    of_group, of_option = help_page(["optimizer"]), help_page(["optimizer=rmsprop"])
    assert "optimizer.alpha=0.99          of rmsprop: decay" in of_group
    assert "optimizer.alpha=0.99          decay" in of_option
    assert "betas" in of_group
    assert "betas" not in of_option


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("optimizr", "neither a group nor a field. Did you mean 'optimizer'?"),
        ("epochs", "Did you mean 'train.epochs'?"),
        ("arch=vgg61", "Did you mean 'vgg16'?"),
    ],
)
def test_help_for_a_misspelt_word_names_the_one_that_was_meant(word: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        help_page([word])

    assert said in str(refusal.value)


def test_directory_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--config-dir .*missing is not a directory"):
        help_page([], tmp_path / "missing")
    (tmp_path / "arch").mkdir()
    (tmp_path / "arch" / "torn.yaml").write_text("# torn\nwidth: [1,\n")
    with pytest.raises(ConfigError, match="torn.yaml: while parsing"):
        help_page([], tmp_path)
