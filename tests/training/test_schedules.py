from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.errors import ConfigError
from vggsweep.settings import read_settings
from vggsweep.training.schedule_settings import (
    ConstantSchedule,
    CosineSchedule,
    MultistepSchedule,
    OnecycleSchedule,
    SchedulerSettings,
    StepSchedule,
)
from vggsweep.training.schedules import lr_factor

EPOCHS = 10

shares = st.floats(0, 1)
warmups = st.floats(0, EPOCHS)
factors = st.floats(0.01, 1)
schedules = st.one_of(
    st.builds(ConstantSchedule, name=st.just("constant"), warmup_epochs=warmups),
    st.builds(
        StepSchedule,
        name=st.just("step"),
        warmup_epochs=warmups,
        step_epochs=st.floats(0.1, 20),
        gamma=factors,
    ),
    st.builds(
        MultistepSchedule,
        name=st.just("multistep"),
        warmup_epochs=warmups,
        milestones=st.lists(st.floats(0.1, 20), max_size=4).map(tuple),
        gamma=factors,
    ),
    st.builds(CosineSchedule, name=st.just("cosine"), warmup_epochs=warmups, final=shares),
    st.builds(
        OnecycleSchedule,
        name=st.just("onecycle"),
        warmup_epochs=warmups,
        start=shares,
        peak_at=st.floats(0.01, 0.99),
        final=shares,
    ),
)


def torch_lrs(
    make: type[torch.optim.lr_scheduler.LRScheduler], steps: int, **arguments: object
) -> list[float]:
    """The learning rate that torch's own scheduler uses in each step, from a full rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer, **arguments)
    lrs = []
    for _ in range(steps):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return lrs


def test_constant_stays_at_the_full_rate() -> None:
    schedule = ConstantSchedule(name="constant", warmup_epochs=0.0)
    assert [lr_factor(schedule, time, EPOCHS) for time in (0.01, 5.0, 9.99)] == [1.0, 1.0, 1.0]


def test_warm_up_rises_in_a_line_and_multiplies_the_curve() -> None:
    schedule = StepSchedule(name="step", warmup_epochs=4.0, step_epochs=2.0, gamma=0.5)
    assert [lr_factor(schedule, time, EPOCHS) for time in (1.0, 2.0, 4.0, 6.0)] == [
        0.25,
        0.5 * 0.5,
        1.0 * 0.25,
        0.125,
    ]


def test_step_equals_torchs_step_lr() -> None:
    schedule = StepSchedule(name="step", warmup_epochs=0.0, step_epochs=3.0, gamma=0.1)
    ours = [lr_factor(schedule, epoch + 0.5, EPOCHS) for epoch in range(EPOCHS)]
    theirs = torch_lrs(torch.optim.lr_scheduler.StepLR, EPOCHS, step_size=3, gamma=0.1)
    assert ours == pytest.approx(theirs)


def test_multistep_equals_torchs_multi_step_lr() -> None:
    schedule = MultistepSchedule(name="multistep", warmup_epochs=0.0, milestones=(6.0, 3.0), gamma=0.2)
    ours = [lr_factor(schedule, epoch + 0.5, EPOCHS) for epoch in range(EPOCHS)]
    theirs = torch_lrs(torch.optim.lr_scheduler.MultiStepLR, EPOCHS, milestones=[3, 6], gamma=0.2)
    assert ours == pytest.approx(theirs)


def test_cosine_equals_torchs_cosine_annealing() -> None:
    schedule = CosineSchedule(name="cosine", warmup_epochs=0.0, final=0.1)
    steps = EPOCHS * 7
    ours = [lr_factor(schedule, step / 7, EPOCHS) for step in range(steps)]
    theirs = torch_lrs(torch.optim.lr_scheduler.CosineAnnealingLR, steps, T_max=steps, eta_min=0.1)
    assert ours == pytest.approx(theirs)


def test_cosine_begins_where_the_warm_up_ends() -> None:
    schedule = CosineSchedule(name="cosine", warmup_epochs=2.0, final=0.0)
    assert lr_factor(schedule, 2.0, EPOCHS) == pytest.approx(1.0)
    assert lr_factor(schedule, 6.0, EPOCHS) == pytest.approx(0.5)
    assert lr_factor(schedule, 10.0, EPOCHS) == pytest.approx(0.0)


def test_onecycle_equals_torchs_linear_one_cycle() -> None:
    steps, share = 41, 0.3
    # torch counts steps, the last one included: its first step is time 0, its last the end.
    peak_at = (share * steps - 1) / (steps - 1)
    schedule = OnecycleSchedule(name="onecycle", warmup_epochs=0.0, start=0.04, peak_at=peak_at, final=0.002)
    ours = [lr_factor(schedule, EPOCHS * step / (steps - 1), EPOCHS) for step in range(steps - 1)]
    theirs = torch_lrs(
        torch.optim.lr_scheduler.OneCycleLR,
        steps - 1,
        max_lr=1.0,
        total_steps=steps,
        pct_start=share,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=1 / 0.04,
        final_div_factor=0.04 / 0.002,
    )
    assert ours == pytest.approx(theirs)


@given(schedules, st.floats(0, 1))
def test_no_curve_leaves_zero_to_one(schedule: SchedulerSettings, share: float) -> None:
    assert 0 <= lr_factor(schedule, share * EPOCHS, EPOCHS) <= 1


@given(schedules, st.integers(1, 1000))
def test_the_first_step_of_a_warm_up_moves(schedule: SchedulerSettings, steps_per_epoch: int) -> None:
    unwarmed = type(schedule)(**{**vars(schedule), "warmup_epochs": 0.0})
    first = 0.5 / steps_per_epoch
    curve = lr_factor(unwarmed, first, EPOCHS)
    assert curve == 0 or lr_factor(schedule, first, EPOCHS) > 0


@given(schedules, st.floats(0, 1), st.floats(0, 1))
def test_no_curve_rises_after_warm_up_and_peak(schedule: SchedulerSettings, one: float, other: float) -> None:
    begin = schedule.warmup_epochs
    if isinstance(schedule, OnecycleSchedule):
        begin = max(begin, schedule.peak_at * EPOCHS)
    early, late = sorted(begin + share * (EPOCHS - begin) for share in (one, other))
    assert lr_factor(schedule, late, EPOCHS) <= lr_factor(schedule, early, EPOCHS) + 1e-12


@pytest.mark.parametrize("name", ["step", "multistep"])
def test_a_gamma_above_one_is_refused(name: str) -> None:
    cls, more = {
        "step": (StepSchedule, {"step_epochs": 1.0}),
        "multistep": (MultistepSchedule, {"milestones": [1.0]}),
    }[name]
    with pytest.raises(ConfigError, match="scheduler.gamma=1.5 is too large; the most is 1."):
        read_settings(cls, {"name": name, "warmup_epochs": 0.0, "gamma": 1.5, **more}, "scheduler")


def test_the_area_under_onecycle_is_what_geometry_says() -> None:
    schedule = OnecycleSchedule(name="onecycle", warmup_epochs=0.0, start=0.0, peak_at=0.25, final=0.0)
    points = 10_000
    area = math.fsum(lr_factor(schedule, EPOCHS * (i + 0.5) / points, EPOCHS) for i in range(points)) / points
    assert area == pytest.approx(0.5, abs=1e-6)
