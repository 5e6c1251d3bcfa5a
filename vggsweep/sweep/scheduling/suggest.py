"""Draw the next configuration of a sweep, and find what repeats another or cannot exist.

A suggestion is trained unless it repeats another or cannot exist. Either way it is written whole or not
at all, so that a kill leaves no half of one.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError
from vggsweep.sweep.scheduling.decisions import Stop
from vggsweep.sweep.scheduling.fair_rates import is_searching, next_comparison
from vggsweep.sweep.search.candidates import Candidates
from vggsweep.sweep.search.known_cost import KnownCostSampler
from vggsweep.sweep.search.plateau import find_plateau
from vggsweep.sweep.spec.fair_rates import RATE
from vggsweep.sweep.spec.known_costs import KnownCosts
from vggsweep.sweep.spec.samplers import ask_sampler, build_sampler, fixing, sampler_name, sampler_target
from vggsweep.sweep.spec.search_space import MOST_POINTS_WALKED, Params, load_hook, point_key
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import KnownPoint, WarmStart
from vggsweep.sweep.storage.buffered import drawn_in_memory
from vggsweep.sweep.storage.study import storage_of
from vggsweep.sweep.storage.trial_attrs import (
    DUPLICATE_OF,
    ENQUEUED,
    INFEASIBLE,
    TrialAttrs,
    attrs_of,
    is_duplicate,
    is_infeasible,
    of_identity,
    swept_fields,
    unfinished_families,
)

SPACE_IS_DONE = "every point of the space is done"
ALL_COMPARED = "every network is compared at its own learning rate and at the common one"
SEARCH_FAILED = "no trial of the search for learning rates has finished"
ENQUEUED_ARE_DONE = "every configuration of sweep.enqueue is done"
# A sampler may repeat itself so often in a row; then a point that nobody has seen is drawn instead.
REPEATS_BEFORE_RANDOM = 3
SUGGESTIONS_PER_TRIAL = 10
VIOLATED = {"constraints:feasible": 1.0}


class Suggester:
    """Draw configurations for one worker, which holds the study's lock.

    Args:
        spec: what the sweep was told.
        study: opened with the spec's sampler.
        ownership: attributes that make this worker the owner of a trial.
    """

    def __init__(self, spec: SweepSpec, study: optuna.Study, ownership: Callable[[], dict[str, Any]]) -> None:
        self.spec = spec
        self.study = study
        self.ownership = ownership
        self.composer = spec.composer
        # the last one is remembered, as it is asked for twice: when it is suggested and when it is begun
        self.compose = functools.lru_cache(maxsize=1)(self.composer.compose)
        self.hook = load_hook(spec.space.hook) if spec.space.hook else None
        self._unseen: list[Params] | None = None

    def suggest(self, trials: Sequence[FrozenTrial]) -> Stop | None:
        """Draw once; what can be trained becomes a RUNNING trial that the scheduler adopts."""
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
        if self.spec.settings.fair_lr is not None:
            return self._suggest_fair(trials, self.spec.settings.fair_lr)
        if self.spec.space.is_empty:
            return Stop(ENQUEUED_ARE_DONE, is_early=False)
        size, settings = self.spec.space.size, self.spec.settings
        if settings.stop is not None:
            model = self._known_cost_sampler(self.spec.seed)
            plateau = find_plateau(model, trials, settings.plateau_share, settings.plateau_risk)
            if plateau is not None:
                return Stop(plateau, is_early=False)
        is_small = size is not None and size * settings.replicates <= settings.n_trials
        is_walked_whole = is_small and settings.stop is None
        is_stuck = (
            size is not None and size <= MOST_POINTS_WALKED and _repeats(trials) >= REPEATS_BEFORE_RANDOM
        )
        if not (is_walked_whole or is_stuck or sampler_name(self.spec.sampler) == "grid"):
            self._ask(trials)
            return None
        # a space that is walked whole keeps its order
        unseen = self._next_unseen(trials, shuffled=not is_walked_whole)
        if unseen is None:
            return Stop(SPACE_IS_DONE, is_early=False)
        self._add(unseen, {}, trials)
        return None

    def _suggest_fair(self, trials: Sequence[FrozenTrial], seeds: int) -> Stop | None:
        """Add a trial of the search for learning rates or, when all have a result, of the comparison."""
        unseen = self._next_unseen(trials, shuffled=False)
        if unseen is not None:
            self._add(unseen, {}, trials)
            return None
        if is_searching(trials):
            return Stop("the search for learning rates still runs", is_early=True)
        assert self.spec.fair is not None
        coming = next_comparison(trials, self.spec.fair.common_rate, self.spec.seed, seeds)
        if coming is None:
            has_compared = any(trial.state is TrialState.COMPLETE for trial in trials)
            return Stop(ALL_COMPARED, is_early=False) if has_compared else Stop(SEARCH_FAILED, is_early=True)
        self._add(coming.network, {RATE: coming.rate}, trials, seed=coming.seed)
        return None

    def _next_unseen(self, trials: Sequence[FrozenTrial], *, shuffled: bool) -> Params | None:
        if self._unseen is None:
            self._unseen = list(self.spec.space.points())
            if shuffled:
                random.Random(self.spec.seed).shuffle(self._unseen)
        seen = {point_key(trial.params) for trial in trials}
        while self._unseen:
            # Taken for good: Optuna stores 8 and 8.0 as one choice, so "seen" may never hold this spelling.
            point = self._unseen.pop(0)
            if point_key(point) not in seen:
                return point
        return None

    def _enqueue(self, item: Mapping[str, Any], index: int, trials: Sequence[FrozenTrial]) -> None:
        """Add a person's baseline: its parameters as given, those left open drawn by the sampler."""
        space = self.spec.space
        given = {key: space.match_value(key, item[key]) for key in item if key in space.distributions}
        extra = {key: value for key, value in item.items() if key not in space.distributions}
        own = {ENQUEUED: {"index": index, "outside": extra}}
        if given.keys() == space.distributions.keys() and self.hook is None:
            self._add(given, extra, trials, own)
        else:
            self._ask(trials, given, extra, own)

    def _ask(
        self,
        trials: Sequence[FrozenTrial],
        given: Params | None = None,
        extra: Mapping[str, Any] | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        """Draw a point with the sampler, in memory, and add it; what is given is not drawn."""
        spec = self.spec
        sampler = build_sampler(
            spec.sampler,
            spec.sampler_fields,
            spec.seed,
            len(trials),
            self._known_cost_sampler,
            spec.settings.allow_sampler,
        )
        self.study.sampler = sampler if not given else fixing(sampler, given)
        with drawn_in_memory(self.study):
            trial = ask_sampler(self.study, spec.space.distributions, sampler_target(spec.sampler))
            hooked = self.hook(trial) if self.hook is not None else {}
            drawn = storage_of(self.study).get_trial(trial._trial_id)
        params = {name: drawn.params[name] for name in spec.space.distributions}
        self._add(params, {**hooked, **(extra or {})}, trials, own, drawn)

    def _known_cost_sampler(self, seed: int) -> KnownCostSampler:
        space, prior = self.spec.space, self.spec.settings.prior
        guess = {key: space.match_value(key, value) for key, value in prior.items()} if prior else None
        return KnownCostSampler(
            self.candidates, self.spec.metrics[1], space.distributions, seed, self.known_points, guess
        )

    @functools.cached_property
    def warm_start(self) -> WarmStart:
        """What earlier sweeps found, read once."""
        return WarmStart(self.spec.warm_start, self.spec.fingerprints)

    @functools.cached_property
    def known_points(self) -> list[KnownPoint]:
        """The points of the space that earlier sweeps have trained."""
        spec = self.spec
        seeds = range(spec.seed, spec.seed + spec.settings.replicates)
        return self.warm_start.known_points(spec.space, self.composer, spec.metrics, seeds)

    @functools.cached_property
    def candidates(self) -> Candidates:
        """The networks of the space with their costs; counted once, when first asked for."""
        costs = KnownCosts(self.spec.space, self.composer)
        return Candidates(self.spec.space, costs, self.spec.metrics[1].name, self.spec.seed)

    def _add(
        self,
        params: Params,
        extra: Mapping[str, Any],
        trials: Sequence[FrozenTrial],
        own: Mapping[str, Any] | None = None,
        drawn: FrozenTrial | None = None,
        seed: int | None = None,
    ) -> None:
        """Add a point in one transaction: to be trained, or finished at once where it cannot be.

        Args:
            params: of the space.
            extra: overrides beyond the space, of a hook or a person's baseline.
            trials: of the study so far.
            own: attributes that say where the point is from.
            drawn: what the sampler made of it, with a hook's parameters and its own notes; None for a point
                that no sampler drew.
            seed: another than the sweep's.
        """
        words = tuple(self.spec.space.words({**params, **extra}))
        words += () if seed is None else (f"seed={seed}",)
        attributes, system = dict(own or {}), dict(drawn.system_attrs) if drawn is not None else {}
        state, values = TrialState.RUNNING, None
        everything = drawn.params if drawn is not None else params
        try:
            plain = self.compose(words)
            check_configuration(read_configuration(plain))
        except ConfigError as error:
            state = TrialState.PRUNED
            attributes[INFEASIBLE] = str(error)
            system |= VIOLATED
        else:
            known = next(of_identity(trials, self.spec.fingerprints.identities(plain)), None)
            if known is not None:
                state = known.state  # RUNNING: told when that one has a result
                attributes[DUPLICATE_OF] = known.number
                values = known.values if state is TrialState.COMPLETE else None
            else:
                attrs = self._attrs(plain, words, swept_fields({**everything, **extra}))
                attributes |= {**attrs.attributes(), **self.ownership()}
        trial = create_trial(
            state=state,
            values=values,
            params=everything,
            distributions={
                name: one
                for name, one in (drawn or self.spec.space).distributions.items()
                if name in everything
            },
            user_attrs=attributes,
            system_attrs=system,
        )
        self.study.add_trial(trial)

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
            assert first is not None, "only trials of ours make a family"
            words = (*first.words, f"seed={self.spec.seed + len(family)}")
            twin = self._attrs(self.composer.compose(words), words, dict(first.swept or {}), number)
            new = create_trial(
                state=TrialState.RUNNING,
                params=family[0].params,
                distributions=family[0].distributions,
                user_attrs=twin.attributes(),
            )
            self.study.add_trial(new)
            return True
        return False


def _repeats(trials: Sequence[FrozenTrial]) -> int:
    """How many of the last suggestions brought nothing to train."""
    fruitless = (is_duplicate(trial) or is_infeasible(trial) for trial in reversed(trials))
    return sum(1 for _ in itertools.takewhile(bool, fruitless))
