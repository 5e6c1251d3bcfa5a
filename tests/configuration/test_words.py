"""Values as Hydra's words and back; advice that can be pasted."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.configuration.words import choice_value, choice_values, loose_word, parse_override, pasted, word
from vggsweep.errors import ConfigError

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from(["run #3", "lr=0.1", "my sweep, v2", "pics (2)", "~/x", "größe", "a'b\\", "42", "null"]),
)
keys = st.from_regex(r"[a-z][a-z ,:=.(){}\[\]]{0,5}[a-z]", fullmatch=True)
plain = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=2)),
    max_leaves=4,
)


@given(plain)
def test_any_value_is_read_back_as_it_was_written(value: object) -> None:
    override = parse_override(word("arch.options.x", value))

    assert not override.is_sweep_override()
    assert override.value() == value
    assert type(override.value()) is type(value)


@given(st.lists(scalars.filter(lambda value: not isinstance(value, float)), min_size=2, max_size=4))
def test_any_choice_of_a_sweep_stands_for_the_value_that_was_typed(values: list[object]) -> None:
    swept = parse_override(
        "x=" + ",".join(word("x", value).removeprefix("x=") for value in values),
    )

    assert [choice_value(choice) for choice in choice_values(swept)] == values


@given(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1))
def test_pasted_word_is_one_word_for_the_shell(text: str) -> None:
    assert shlex.split(pasted(text)) == [text]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dataset.root=/my pictures/pics (2)", "dataset.root='/my pictures/pics (2)'"),
        ("dataset.root=~/pics", "dataset.root='~/pics'"),
        ("sweep.name=größe", "sweep.name='größe'"),
        ("sweep.name=lr=0.1", "sweep.name='lr=0.1'"),
        ("dataset.root=$HOME/it's", "dataset.root='$HOME/it\\'s'"),
        ("train.ema=choice(null, 0.99)", "train.ema=null, 0.99"),
    ],
)
def test_advice_works_when_it_is_pasted(typed: str, meant: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_override(typed)

    advice = shlex.split(str(refusal.value).rpartition(": ")[2])
    assert advice == [meant]
    parse_override(meant)


def test_text_of_a_hook_that_reads_as_one_value_is_that_value() -> None:
    assert parse_override(loose_word("arch.stages", "[[1,8],[2,16]]")).value() == [[1, 8], [2, 16]]
    assert parse_override(loose_word("dataset.root", "a, b")).value() == "a, b"
    assert parse_override(loose_word("train.ema", None)).value() is None


def test_range_among_single_values_is_refused() -> None:
    with pytest.raises(ConfigError, match="mixes single values with a range"):
        choice_values(parse_override("arch.depth=4,range(6,9)"))
