"""Typed settings: every kind of annotation, every bound, and refusals that name path and value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.errors import ConfigError
from vggsweep.settings import read_settings, setting


@dataclass(frozen=True)
class Inner:
    level: int = setting(minimum=0, maximum=9)


@dataclass(frozen=True, kw_only=True)
class Everything:
    flag: bool
    count: int = setting(minimum=1)
    share: float = setting(minimum=0.0, below=1.0)
    rate: float = setting(above=0.0, maximum=2.0)
    word: str
    kind: Literal["gauss", "salt"]
    pairs: tuple[float, ...] = setting(minimum=0.0)
    maybe: int | None = setting(minimum=3)
    either: bool | int | str
    free: Any
    inner: Inner


GOOD: dict[str, Any] = {
    "flag": True,
    "count": 2,
    "share": 0,
    "rate": 0.5,
    "word": "x",
    "kind": "salt",
    "pairs": [1, 2.5],
    "maybe": None,
    "either": "x",
    "free": [[1, [2]], {"a": 1}],
    "inner": {"level": 3},
}


def read(**changes: Any) -> Everything:
    return read_settings(Everything, {**GOOD, **changes}, "noise")


def test_values_that_fit_are_typed_and_frozen() -> None:
    settings = read()

    assert settings.share == 0.0
    assert isinstance(settings.share, float)
    assert settings.pairs == (1.0, 2.5)
    assert settings.inner == Inner(3)
    assert settings.free == ((1, (2,)), {"a": 1})


def test_whole_floats_count_as_whole_numbers() -> None:
    assert read(count=2.0).count == 2
    assert isinstance(read(count=2.0).count, int)


def test_whole_number_may_be_a_word() -> None:
    assert read(word=42).word == "42"


@pytest.mark.parametrize("value", [True, 7, "x"])
def test_union_keeps_the_type_of_the_value(value: Any) -> None:
    found = read(either=value).either

    assert found == value
    assert type(found) is type(value)


def test_optional_takes_null_and_still_has_bounds() -> None:
    assert read(maybe=None).maybe is None
    assert read(maybe=3).maybe == 3
    with pytest.raises(ConfigError, match="noise.maybe=2 is too small; the least is 3."):
        read(maybe=2)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("flag", 1, "noise.flag=1 should be true or false."),
        ("flag", "yes", "noise.flag=yes should be true or false."),
        ("count", 2.5, "noise.count=2.5 should be a whole number."),
        ("count", True, "noise.count=true should be a whole number."),
        ("count", "2", "noise.count=2 should be a whole number."),
        ("count", None, "noise.count=null should be a whole number."),
        ("count", math.inf, "noise.count=inf should be a whole number."),
        ("count", 0, "noise.count=0 is too small; the least is 1."),
        ("share", math.nan, "noise.share=nan is not a finite number."),
        ("share", -0.1, "noise.share=-0.1 is too small; the least is 0."),
        ("share", 1.0, "noise.share=1.0 must be less than 1."),
        ("rate", 0.0, "noise.rate=0.0 must be more than 0."),
        ("rate", 0, "noise.rate=0 must be more than 0."),
        ("pairs", [1, -1], "noise.pairs=[1,-1] is too small; the least is 0."),
        ("rate", 2.5, "noise.rate=2.5 is too large; the most is 2."),
        ("rate", "fast", "noise.rate=fast should be a number."),
        ("word", 2.5, "noise.word=2.5 should be a word."),
        ("kind", "guass", "noise.kind=guass is not a choice. Did you mean 'gauss'? Valid: gauss, salt."),
        ("kind", ["gauss"], "noise.kind=[gauss] is not a choice."),
        ("pairs", 3, "noise.pairs=3 should be a list, such as noise.pairs=[1,2]."),
        ("pairs", [1, "x"], "noise.pairs[1]=x should be a number."),
        ("maybe", "x", "noise.maybe=x should be a whole number."),
        ("either", 2.5, "noise.either=2.5 should be a word."),
        ("inner", 3, "noise.inner=3 should be a group of fields."),
        ("inner", {"level": 10}, "noise.inner.level=10 is too large; the most is 9."),
        ("inner", {"levle": 1}, "Unknown field noise.inner.levle. Did you mean 'level'?"),
        ("inner", {}, "noise.inner.level is missing; give it a value, such as noise.inner.level="),
    ],
)
def test_refusals_name_path_value_and_what_would_fit(field: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(**{field: value})

    assert told in str(refusal.value)


def test_unknown_field_is_refused_with_the_near_match() -> None:
    with pytest.raises(ConfigError) as refusal:
        read(cuont=3)

    assert "Unknown field noise.cuont. Did you mean 'count'? Valid: count, " in str(refusal.value)


@pytest.mark.parametrize("field", sorted(GOOD))
def test_every_missing_field_is_named(field: str) -> None:
    fewer = {name: value for name, value in GOOD.items() if name != field}

    with pytest.raises(ConfigError, match=f"noise.{field} is missing; give it a value"):
        read_settings(Everything, fewer, "noise")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(GOOD)), value=JSON)
def test_any_value_is_either_read_or_refused_with_its_path(field: str, value: Any) -> None:
    settings, refusal = None, None
    try:
        settings = read(**{field: value})
    except ConfigError as error:
        refusal = str(error)

    if settings is None:
        assert refusal is not None
        assert f"noise.{field}" in refusal
    else:
        assert settings.count >= 1
        assert 0 <= settings.share < 1
        assert 0 < settings.rate <= 2
        assert isinstance(settings.flag, bool)
