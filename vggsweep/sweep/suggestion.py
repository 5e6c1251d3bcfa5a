"""Which configuration a sweep tries next, and what becomes of a suggestion at once.

A suggestion is trained unless it repeats another or cannot exist. Either way it is written whole or not
at all, so that a kill leaves no half of one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.identity import configuration_hash
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError
from vggsweep.sweep.marks import (
    DUPLICATE_OF,
    ENQUEUED,
    INFEASIBLE,
    Mark,
    by_hash,
    counted,
    is_in_progress,
    swept_fields,
)
from vggsweep.sweep.order import SweepOrder
from vggsweep.sweep.samplers import sampler_name
from vggsweep.sweep.space import MOST_POINTS_WALKED, Params, draw_extra, load_hook
from vggsweep.sweep.step import Stop
from vggsweep.sweep.storage import drafting
from vggsweep.sweep.study import add_trial

# A sampler may repeat itself so often in a row; then a point that nobody has seen is drawn instead.
REPEATS_BEFORE_RANDOM = 3
SUGGESTIONS_PER_TRIAL = 10
VIOLATED = {"constraints:feasible": 1.0}


class Suggester:
    """Draws configurations for one worker, whose turn it is.

    Args:
        order: what the sweep was told.
        study: opened with the order's sampler.
        ownership: attributes that make this worker the owner of a trial.
    """

    def __init__(
        self, order: SweepOrder, study: optuna.Study, ownership: Callable[[], dict[str, Any]]
    ) -> None:
        self.order = order
        self.study = study
        self.ownership = ownership
        self.composer = order.composer()
        name = order.space.hook
        self.hook = partial(draw_extra, name, load_hook(name)) if name else None
        self.repeats = 0
        self._put_off_in_a_row = 0
        self._unseen: list[Params] | None = None
        self._last: tuple[tuple[str, ...], dict[str, Any]] | None = None

    def suggest(self, trials: Sequence[FrozenTrial]) -> Stop | None:
        """Draw once; what can be trained becomes a RUNNING trial that `_adopt` finds."""
        limit = SUGGESTIONS_PER_TRIAL * self.order.settings.n_trials
        if len(trials) >= limit:
            return Stop(f"{limit} suggestions brought no further new configuration", is_early=True)
        used = {trial.user_attrs[ENQUEUED]["index"] for trial in trials if ENQUEUED in trial.user_attrs}
        for index, item in enumerate(self.order.settings.enqueue or ()):
            if index not in used:
                self._enqueue(item, index, trials)
                return None
        if self._walks_space():
            unseen = self._next_unseen(trials, shuffled=not self._is_small_enough())
            if unseen is None:
                return Stop("the space is exhausted", is_early=False)
            return None if self._place(unseen, {}, trials) else self._put_off(unseen)
        if self.repeats >= REPEATS_BEFORE_RANDOM and self._is_walkable():
            unseen = self._next_unseen(trials, shuffled=True)
            if unseen is None:
                return Stop("the space is exhausted", is_early=False)
            self.repeats = 0
            return None if self._place(unseen, {}, trials) else self._put_off(unseen)
        self._ask(trials)
        return None

    def _is_small_enough(self) -> bool:
        size = self.order.space.size
        settings = self.order.settings
        return size is not None and size * settings.replicates <= settings.n_trials

    def _is_walkable(self) -> bool:
        size = self.order.space.size
        return size is not None and size <= MOST_POINTS_WALKED

    def _walks_space(self) -> bool:
        return self._is_small_enough() or sampler_name(self.order.sampler) == "grid"

    def _next_unseen(self, trials: Sequence[FrozenTrial], *, shuffled: bool) -> Params | None:
        if self._unseen is None:
            self._unseen = list(self.order.space.points())
            if shuffled:
                random.Random(self.order.seed).shuffle(self._unseen)
        seen = {_point(trial.params) for trial in trials}
        while self._unseen:
            # Taken for good: Optuna stores 8 and 8.0 as one choice, so "seen" may never hold this spelling.
            point = self._unseen.pop(0)
            if _point(point) not in seen:
                return point
        return None

    def _enqueue(self, item: Mapping[str, Any], index: int, trials: Sequence[FrozenTrial]) -> None:
        """A person's baseline: its parameters as given, those left open drawn by the sampler."""
        space = self.order.space
        inside = {key: space.fixed(key, value) for key, value in item.items() if key in space.distributions}
        outside = {key: value for key, value in item.items() if key not in space.distributions}
        own = {ENQUEUED: {"index": index, "outside": outside}}
        if inside.keys() == space.distributions.keys() and self.hook is None:
            self._place(inside, outside, trials, own, may_wait=False)
            return
        self.study.enqueue_trial(inside, user_attrs=own)
        self._ask(trials)

    def _ask(self, trials: Sequence[FrozenTrial]) -> None:
        """Ask the sampler; whatever comes of it is written in one transaction."""
        with drafting(self.study) as draft:
            trial = self.study.ask(dict(self.order.space.distributions))
            mark = self._judge(trial, trials)
        if mark is not None:
            # An enqueued trial had its number before.
            first = replace(mark, first=trial.number if draft.number is None else draft.number)
            self._add_replicates(first, trials, trial.params, trial.distributions)

    def _judge(self, trial: optuna.Trial, trials: Sequence[FrozenTrial]) -> Mark | None:
        """Mark a suggestion that is to be trained, or tell it at once."""
        hooked = self.hook(trial) if self.hook is not None else {}
        params = {name: trial.params[name] for name in self.order.space.distributions}
        outside = {**hooked, **trial.user_attrs.get(ENQUEUED, {}).get("outside", {})}
        words = self._words(params, outside)
        verdict = self._verdict(words, trials)
        swept = swept_fields({**trial.params, **outside})
        if isinstance(verdict, str):
            trial.set_constraint("feasible", 1.0)
            trial.set_user_attr(INFEASIBLE, verdict)
            self.study.tell(trial, state=TrialState.PRUNED)
            self.repeats += 1
        elif isinstance(verdict, FrozenTrial):
            self._tell_again(trial, verdict)
            self.repeats += 1
        else:
            self.repeats = 0
            mark = Mark(configuration_hash(verdict), words, swept)
            for key, value in {**mark.attributes(), **self.ownership()}.items():
                trial.set_user_attr(key, value)
            return mark
        return None

    def _place(
        self,
        params: Params,
        extra: Mapping[str, Any],
        trials: Sequence[FrozenTrial],
        attributes: Mapping[str, Any] | None = None,
        *,
        may_wait: bool = True,
    ) -> bool:
        """Add a chosen point, in one transaction.

        Returns:
            False where it repeats a configuration that is being trained, whose result has to come first.
        """
        words = self._words(params, extra)
        verdict = self._verdict(words, trials)
        distributions = self.order.space.distributions
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
            return True
        if isinstance(verdict, FrozenTrial):
            is_told = verdict.state.is_finished()
            if not is_told and may_wait:
                return False
            add_trial(
                self.study,
                {**own, DUPLICATE_OF: verdict.number},
                state=verdict.state if is_told else TrialState.FAIL,
                values=verdict.values if verdict.state is TrialState.COMPLETE else None,
                params=params,
                distributions=distributions,
            )
            return True
        mark = Mark(configuration_hash(verdict), words, swept_fields({**params, **extra}), None)
        number = add_trial(
            self.study,
            {**own, **mark.attributes(), **self.ownership()},
            params=params,
            distributions=distributions,
        )
        first = Mark(mark.configuration_hash, words, mark.swept, number)
        self._add_replicates(first, trials, params, distributions)
        self._put_off_in_a_row = 0
        return True

    def _put_off(self, point: Params) -> Stop | None:
        """Come back to a point later; stop for now where only such points are left."""
        assert self._unseen is not None
        self._unseen.append(point)
        self._put_off_in_a_row += 1
        if self._put_off_in_a_row < len(self._unseen):
            return None
        self._put_off_in_a_row = 0
        return Stop("the space is exhausted", is_early=False)

    def _add_replicates(
        self, mark: Mark, trials: Sequence[FrozenTrial], params: Mapping[str, Any], distributions: Any
    ) -> None:
        """The same configuration under the next seeds, as far as ``n_trials`` goes."""
        settings = self.order.settings
        room = settings.n_trials - len(counted(trials)) - sum(map(is_in_progress, trials)) - 1
        for offset in range(1, min(settings.replicates, room + 1)):
            words = (*mark.words, f"seed={self.order.seed + offset}")
            plain = self.composer.compose(words)
            twin = Mark(configuration_hash(plain), words, mark.swept, mark.first)
            add_trial(self.study, twin.attributes(), params=params, distributions=distributions)

    def _words(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(self.order.space.words({**params, **extra}))

    def _verdict(
        self, words: Sequence[str], trials: Sequence[FrozenTrial]
    ) -> dict[str, Any] | FrozenTrial | str:
        """The configuration to train, or the trial that it repeats, or why it cannot exist."""
        try:
            plain = self.compose(words)
            check_configuration(read_configuration(plain))
        except ConfigError as error:
            return str(error)
        return by_hash(trials, configuration_hash(plain)) or plain

    def _tell_again(self, trial: optuna.Trial, known: FrozenTrial) -> None:
        """The result of a configuration that was trained before; nothing is trained twice."""
        trial.set_user_attr(DUPLICATE_OF, known.number)
        if known.state is TrialState.COMPLETE:
            self.study.tell(trial, known.values)
        elif known.state is TrialState.PRUNED:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def compose(self, words: Sequence[str]) -> dict[str, Any]:
        """The configuration of these words; the last one is remembered, as it is asked for twice."""
        key = tuple(words)
        if self._last is None or self._last[0] != key:
            self._last = (key, self.composer.compose(words))
        return self._last[1]


def _point(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in params.items()))
