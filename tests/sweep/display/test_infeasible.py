from __future__ import annotations

from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from vggsweep.sweep.display.infeasible import infeasible_lines


def trial(number: int, depth: int, reason: str | None, **more: str) -> FrozenTrial:
    distributions = {"arch.depth": IntDistribution(1, 99), "optimizer.lr": IntDistribution(1, 9)}
    made = create_trial(
        state=TrialState.PRUNED,
        params={"arch.depth": depth, "optimizer.lr": 1, **more},
        distributions=distributions
        | {name: CategoricalDistribution([value]) for name, value in more.items()},
        user_attrs={} if reason is None else {"infeasible": reason},
    )
    made.number = number
    return made


def test_each_reason_says_how_many_points_and_which_depths() -> None:
    lines = infeasible_lines(
        [
            trial(0, 34, "arch.depth=34 cannot cost 5 MACs."),
            trial(1, 5, None),
            trial(2, 33, "arch.depth=33 cannot cost 5 MACs."),
            trial(3, 33, "arch.depth=33 cannot cost 5 MACs."),
            trial(4, 9, "arch.depth=9 is no depth of this family.", arch="resnet_scaled"),
        ]
    )

    assert lines == [
        "3 points are no networks (arch.depth=33, 34): arch.depth=34 cannot cost 5 MACs (the numbers differ)",
        "1 point is no network (arch.depth=9; arch=resnet_scaled): arch.depth=9 is no depth of this family",
    ]


def test_many_reasons_and_many_depths_are_cut() -> None:
    of_one = [trial(at, 1 + at, f"depth {at} fits nothing") for at in range(20)]
    others = [trial(20 + at, 1, "because " + "x" * at) for at in range(9)]

    lines = infeasible_lines([*of_one, *others])

    assert "11, 12 and 8 more)" in lines[0]
    assert lines[-1] == "5 more points are no networks, for other reasons; vggsweep status lists them"


def test_sweep_of_networks_alone_says_nothing() -> None:
    assert infeasible_lines([trial(0, 4, None)]) == []
