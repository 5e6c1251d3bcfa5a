"""Which configuration a sweep tries next, and what becomes of a suggestion at once.

A suggestion is trained unless it repeats another or cannot exist. Either way it is written whole or not
at all, so that a kill leaves no half of one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError
from vggsweep.sweep.scheduling.decisions import Stop
from vggsweep.sweep.spec.samplers import build_sampler, sampler_name
from vggsweep.sweep.spec.search_space import MOST_POINTS_WALKED, Params, draw_extra, load_hook
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.buffered import buffered_trial
from vggsweep.sweep.storage.study import add_trial
from vggsweep.sweep.storage.trial_attrs import (
    DUPLICATE_OF,
    ENQUEUED,
    INFEASIBLE,
    TrialAttrs,
    attrs_of,
    by_identity,
    is_duplicate,
    is_infeasible,
    swept_fields,
    unfinished_families,
)

SPACE_IS_DONE = "every point of the space is done"
# A sampler may repeat itself so often in a row; then a point that nobody has seen is drawn instead.
REPEATS_BEFORE_RANDOM = 3
SUGGESTIONS_PER_TRIAL = 10
VIOLATED = {"constraints:feasible": 1.0}


class Suggester:
    """Draws configurations for one worker, whose turn it is.

    Args:
        spec: what the sweep was told.
        study: opened with the spec's sampler.
        ownership: attributes that make this worker the owner of a trial.
    """

    def __init__(self, spec: SweepSpec, study: optuna.Study, ownership: Callable[[], dict[str, Any]]) -> None:
        self.spec = spec
        self.study = study
        self.ownership = ownership
        self.composer = spec.composer()
        name = spec.space.hook
        self.hook = partial(draw_extra, name, load_hook(name)) if name else None
        self._unseen: list[Params] | None = None
        self._last: tuple[tuple[str, ...], dict[str, Any]] | None = None

    def suggest(self, trials: Sequence[FrozenTrial]) -> Stop | None:
        """Draw once; what can be trained becomes a RUNNING trial that `_adopt` finds."""
        limit = SUGGESTIONS_PER_TRIAL * self.spec.settings.n_trials
        if len(trials) >= limit:
            return Stop(f"{limit} suggestions brought no further new configuration", is_early=True)
        if self._add_replicate(trials):
            return None
        used = {trial.user_attrs[ENQUEUED]["index"] for trial in trials if ENQUEUED in trial.user_attrs}
        for index, item in enumerate(self.spec.settings.enqueue or ()):
            if index not in used:
                self._enqueue(item, index, trials)
                return None
        if self._walks_space():
            unseen = self._next_unseen(trials, shuffled=not self._is_small_enough())
            if unseen is None:
                return Stop(SPACE_IS_DONE, is_early=False)
            self._place(unseen, {}, trials)
            return None
        if _repeats(trials) >= REPEATS_BEFORE_RANDOM and self._is_walkable():
            unseen = self._next_unseen(trials, shuffled=True)
            if unseen is None:
                return Stop(SPACE_IS_DONE, is_early=False)
            self._place(unseen, {}, trials)
            return None
        self._ask(trials)
        return None

    def _is_small_enough(self) -> bool:
        size = self.spec.space.size
        settings = self.spec.settings
        return size is not None and size * settings.replicates <= settings.n_trials

    def _is_walkable(self) -> bool:
        size = self.spec.space.size
        return size is not None and size <= MOST_POINTS_WALKED

    def _walks_space(self) -> bool:
        return self._is_small_enough() or sampler_name(self.spec.sampler) == "grid"

    def _next_unseen(self, trials: Sequence[FrozenTrial], *, shuffled: bool) -> Params | None:
        if self._unseen is None:
            self._unseen = list(self.spec.space.points())
            if shuffled:
                random.Random(self.spec.seed).shuffle(self._unseen)
        seen = {_point(trial.params) for trial in trials}
        while self._unseen:
            # Taken for good: Optuna stores 8 and 8.0 as one choice, so "seen" may never hold this spelling.
            point = self._unseen.pop(0)
            if _point(point) not in seen:
                return point
        return None

    def _enqueue(self, item: Mapping[str, Any], index: int, trials: Sequence[FrozenTrial]) -> None:
        """A person's baseline: its parameters as given, those left open drawn by the sampler."""
        space = self.spec.space
        inside = {
            key: space.match_value(key, value) for key, value in item.items() if key in space.distributions
        }
        outside = {key: value for key, value in item.items() if key not in space.distributions}
        own = {ENQUEUED: {"index": index, "outside": outside}}
        if inside.keys() == space.distributions.keys() and self.hook is None:
            self._place(inside, outside, trials, own)
            return
        self.study.enqueue_trial(inside, user_attrs=own)
        self._ask(trials)

    def _ask(self, trials: Sequence[FrozenTrial]) -> None:
        """Ask the sampler; whatever comes of it is written in one transaction."""
        self.study.sampler = build_sampler(
            self.spec.sampler, self.spec.sampler_fields, self.spec.seed, len(trials)
        )
        with buffered_trial(self.study):
            self._judge(self.study.ask(dict(self.spec.space.distributions)), trials)

    def _judge(self, trial: optuna.Trial, trials: Sequence[FrozenTrial]) -> None:
        """Mark a suggestion that is to be trained, or tell it at once."""
        hooked = self.hook(trial) if self.hook is not None else {}
        params = {name: trial.params[name] for name in self.spec.space.distributions}
        outside = {**hooked, **trial.user_attrs.get(ENQUEUED, {}).get("outside", {})}
        words = self._words(params, outside)
        verdict = self._verdict(words, trials)
        swept = swept_fields({**trial.params, **outside})
        if isinstance(verdict, str):
            trial.set_constraint("feasible", 1.0)
            trial.set_user_attr(INFEASIBLE, verdict)
            self.study.tell(trial, state=TrialState.PRUNED)
        elif isinstance(verdict, FrozenTrial):
            trial.set_user_attr(DUPLICATE_OF, verdict.number)
            if verdict.state.is_finished():  # else it is told when that has a result
                values = verdict.values if verdict.state is TrialState.COMPLETE else None
                self.study.tell(trial, values, state=verdict.state)
        else:
            attrs = self._attrs(verdict, words, swept)
            for key, value in {**attrs.attributes(), **self.ownership()}.items():
                trial.set_user_attr(key, value)

    def _place(
        self,
        params: Params,
        extra: Mapping[str, Any],
        trials: Sequence[FrozenTrial],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a chosen point, in one transaction."""
        words = self._words(params, extra)
        verdict = self._verdict(words, trials)
        distributions = self.spec.space.distributions
        own = dict(attributes or {})
        if isinstance(verdict, str):
            add_trial(
                self.study,
                {**own, INFEASIBLE: verdict},
                state=TrialState.PRUNED,
                params=params,
                distributions=distributions,
                system_attributes=VIOLATED,
            )
            return
        if isinstance(verdict, FrozenTrial):
            add_trial(
                self.study,
                {**own, DUPLICATE_OF: verdict.number},
                state=verdict.state,
                params=params,
                distributions=distributions,
                values=verdict.values if verdict.state is TrialState.COMPLETE else None,
            )
            return
        attrs = self._attrs(verdict, words, swept_fields({**params, **extra}))
        add_trial(
            self.study,
            {**own, **attrs.attributes(), **self.ownership()},
            params=params,
            distributions=distributions,
        )

    def _attrs(
        self, plain: Mapping[str, Any], words: Sequence[str], swept: dict[str, Any], first: int | None = None
    ) -> TrialAttrs:
        identity = self.spec.fingerprints.identity(plain)
        return TrialAttrs(identity.configuration, tuple(words), swept, first, identity.data)

    def _add_replicate(self, trials: Sequence[FrozenTrial]) -> bool:
        """Add the next seed of a configuration that has not had all of its replicates.

        One at a time, so that it makes no difference whether ``n_trials`` was reached in between.
        """
        for number, family in unfinished_families(trials, self.spec.settings.replicates).items():
            first = attrs_of(family[0])
            assert first is not None, "only marked trials make a family"
            words = (*first.words, f"seed={self.spec.seed + len(family)}")
            twin = self._attrs(self.composer.compose(words), words, dict(first.swept or {}), number)
            add_trial(
                self.study,
                twin.attributes(),
                params=family[0].params,
                distributions=family[0].distributions,
            )
            return True
        return False

    def _words(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(self.spec.space.words({**params, **extra}))

    def _verdict(
        self, words: Sequence[str], trials: Sequence[FrozenTrial]
    ) -> dict[str, Any] | FrozenTrial | str:
        """The configuration to train, or the trial that it repeats, or why it cannot exist."""
        try:
            plain = self.compose(words)
            check_configuration(read_configuration(plain))
        except ConfigError as error:
            return str(error)
        return by_identity(trials, self.spec.fingerprints.identities(plain)) or plain

    def compose(self, words: Sequence[str]) -> dict[str, Any]:
        """The configuration of these words; the last one is remembered, as it is asked for twice."""
        key = tuple(words)
        if self._last is None or self._last[0] != key:
            self._last = (key, self.composer.compose(words))
        return self._last[1]


def _repeats(trials: Sequence[FrozenTrial]) -> int:
    """How many of the last suggestions brought nothing to train."""
    fruitless = itertools.takewhile(
        lambda trial: is_duplicate(trial) or is_infeasible(trial), reversed(trials)
    )
    return sum(1 for _ in fruitless)


def _point(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in params.items()))
