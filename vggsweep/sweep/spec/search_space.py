"""The search space of a sweep: from Hydra's sweep syntax to Optuna's distributions and back to words.

The syntax means the same under every sampler, because it is translated once, here, by
hydra-optuna-sweeper's own parser (plus ``glob``, which that parser leaves out).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from vggsweep.configuration.refusal import first_paragraph
from vggsweep.configuration.words import choice_value, choice_values, loose_word, parse, value_text
from vggsweep.errors import ConfigError, SweepError
from vggsweep.importing import load_callable, own_words

Params = dict[str, Any]
Hook = Callable[[optuna.Trial], Params]
# A space this large is not walked through: random points are then new ones anyway.
MOST_POINTS_WALKED = 20_000


@dataclass(frozen=True)
class SearchSpace:
    """What a sweep varies.

    Args:
        distributions: by override key, such as ``arch.depth`` or ``optimizer``.
        hook: dotted name of a function that adds conditional parameters, see `load_hook`.
    """

    distributions: Mapping[str, BaseDistribution]
    hook: str | None = None

    @property
    def size(self) -> int | None:
        """Number of points; None when it is endless (an interval of reals), empty, or a hook decides."""
        if not self.distributions:
            return None
        values = [_values(distribution) for distribution in self.distributions.values()]
        known = [len(some) for some in values if some is not None]
        return math.prod(known) if self.hook is None and len(known) == len(values) else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is varied: the sweep trains its ``sweep.enqueue`` and no more."""
        return not self.distributions and self.hook is None

    def points(self) -> Iterator[Params]:
        """Every point of a finite space, the last parameter changing fastest, as Hydra's multirun."""
        values = [_values(distribution) or () for distribution in self.distributions.values()]
        for point in itertools.product(*values):
            yield dict(zip(self.distributions, point, strict=True))

    def words(self, params: Mapping[str, Any]) -> list[str]:
        """A point as overrides; what a hook or a person added to it may be any value."""
        return [
            f"{name}={value}" if name in self.distributions else loose_word(name, value)
            for name, value in params.items()
        ]

    def match_value(self, key: str, value: Any) -> Any:
        """A person's value of one parameter as this space spells it, or None when it is not in it."""
        distribution = self.distributions[key]
        if isinstance(distribution, CategoricalDistribution):
            return next((choice for choice in distribution.choices if _means(choice, value)), None)
        inside = isinstance(value, (int, float)) and distribution._contains(
            distribution.to_internal_repr(value)
        )
        return value if inside else None

    def in_words(self) -> dict[str, str]:
        """Each parameter's values as people say them."""
        return self._text(_in_words)

    def describe(self) -> dict[str, str]:
        """The space as text that is compared when a sweep continues."""
        return self._text(str)

    def _text(self, say: Callable[[BaseDistribution], str]) -> dict[str, str]:
        text = {name: say(distribution) for name, distribution in self.distributions.items()}
        return text | ({"hook": self.hook} if self.hook else {})


def read_space(
    swept: Sequence[Override], options: Callable[[str], Sequence[str]]
) -> dict[str, BaseDistribution]:
    """Distributions of swept overrides.

    Args:
        swept: parsed overrides that sweep.
        options: the options of a config group, for ``glob``.

    Raises:
        ConfigError: an override cannot be searched; the text says why.
    """
    from hydra_plugins.hydra_optuna_sweeper._impl import create_optuna_distribution_from_override

    distributions: dict[str, BaseDistribution] = {}
    for override in swept:
        key = override.get_key_element()
        value: object = override.value()
        if isinstance(value, Glob):
            names = value.filter(list(options(override.key_or_group)))
            if not names:
                raise ConfigError(f"{override.input_line!r} matches no option of {override.key_or_group}.")
            distributions[key] = CategoricalDistribution(names)
            continue
        is_shuffled_range = override.is_range_sweep() and (value.shuffle or value.transformers)  # type: ignore[attr-defined]
        try:
            if override.is_choice_sweep() or is_shuffled_range:
                distributions[key] = CategoricalDistribution(_each_once(choice_values(override)))
            else:
                distributions[key] = create_optuna_distribution_from_override(override)
        except (ValueError, AssertionError, NotImplementedError) as error:
            ends = _reversed_ends(value)
            why = f"it runs from {ends[0]:g} to {ends[1]:g}; the lower end comes first" if ends else None
            raise ConfigError(
                f"{override.input_line!r} cannot be searched: {why or first_paragraph(error)}"
            ) from error
    return distributions


def _reversed_ends(value: object) -> tuple[float, float] | None:
    if not isinstance(value, IntervalSweep | RangeSweep):
        return None
    start, end = value.start, value.end if isinstance(value, IntervalSweep) else value.stop
    return (float(start), float(end)) if start is not None and end is not None and start > end else None


def space_overrides(params: Mapping[str, Any], taken: set[str]) -> list[Override]:
    """The overrides of the ``space`` group, without keys that the command line decides itself."""
    words = [
        f"{key}={value if isinstance(value, str) else value_text(value)}"
        for key, value in params.items()
        if str(key).lstrip("+") not in taken
    ]
    parsed = parse(words)
    for override in parsed:
        if not override.is_sweep_override():
            raise ConfigError(
                f"space.params.{override.input_line} is one value; a space needs several, such as "
                "range(4, 13), interval(0.01, 1) or choice(a, b)."
            )
    return parsed


def load_hook(name: str) -> Hook:
    """The function behind ``space.hook``.

    It is called with the `optuna.Trial` after the space's own parameters are drawn, may draw more with
    ``trial.suggest_…``, and returns further overrides: ``{"optimizer.momentum": 0.9}``. What is returned
    here calls it and raises `SweepError` where it raises, or returns no overrides; the text has its own
    words and line.

    Raises:
        ConfigError: the name leads to no function.
    """
    hook = load_callable(name, "space.hook", "my_package.my_module.my_hook")

    def draw(trial: optuna.Trial) -> Params:
        try:
            drawn = hook(trial)
        except Exception as error:
            raise SweepError(f"space.hook={name} raised {own_words(error)}.") from error
        if not isinstance(drawn, Mapping):
            raise SweepError(
                f"space.hook={name} returned {drawn!r}; it should return overrides, such as "
                "{'optimizer.momentum': 0.9}, or {} for none."
            )
        return {str(key): value for key, value in drawn.items()}

    return draw


def draw_point(space: SearchSpace, study: optuna.Study) -> Params:
    """One point of a space as the study's sampler draws it, with what the hook adds."""
    trial = study.ask(dict(space.distributions))
    drawn = {key: trial.params[key] for key in space.distributions}
    if space.hook is not None:
        drawn |= load_hook(space.hook)(trial)
    return drawn


def point_key(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What tells a point from others, however a database spelt its values."""
    return tuple(sorted((name, str(value)) for name, value in params.items()))


def _in_words(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return f"one of {', '.join(map(str, distribution.choices))}"
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    low, high, step = distribution.low, distribution.high, distribution.step
    steps = "" if step in (None, 1) else f" in steps of {step:g}"
    kind = (
        "any number" if step is None else "whole numbers" if isinstance(distribution, IntDistribution) else ""
    )
    scale = ", on a logarithmic scale" if distribution.log else ""
    return f"{kind} from {low:g} to {high:g}{steps}{scale}".strip()


def _each_once(choices: Iterable[Any]) -> list[Any]:
    """The choices without those that mean what an earlier one means, however they are spelt."""
    kept: list[Any] = []
    for choice in choices:
        if not any(_means(earlier, choice_value(choice)) for earlier in kept):
            kept.append(choice)
    return kept


def _means(choice: Any, value: Any) -> bool:
    """Whether a choice stands for a value, however that is spelt; true is no 1."""
    meant = choice_value(choice)
    if isinstance(meant, bool) or isinstance(value, bool):
        return meant is value
    return bool(meant == value) or choice == value


def _values(distribution: BaseDistribution) -> Sequence[Any] | None:
    """Every value, or None where they are endless."""
    match distribution:
        case CategoricalDistribution():
            return distribution.choices
        case IntDistribution():
            return range(distribution.low, distribution.high + 1, distribution.step)
        case FloatDistribution() if distribution.step is not None:
            steps = round((distribution.high - distribution.low) / distribution.step)
            return [_tidy(distribution.low + i * distribution.step) for i in range(steps + 1)]
        case FloatDistribution() if distribution.low == distribution.high:
            return [distribution.low]
    return None


def _tidy(value: float) -> float:
    # 0.1 + 2 * 0.1 is 0.30000000000000004, which nobody typed.
    return float(f"{value:.12g}")
