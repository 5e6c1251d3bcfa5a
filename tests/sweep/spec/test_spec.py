from __future__ import annotations

import pickle

import pytest

from tests.sweep.conftest import spec_of
from vggsweep.errors import ConfigError
from vggsweep.sweep.run import check_same_sweep, save_spec
from vggsweep.sweep.scheduling.clock import StartTime
from vggsweep.sweep.workers.worker import Worker


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["objective=acc_vs_macs", "hydra/sweeper/sampler=cmaes", "arch.depth=range(4,9)"],
            "cmaes optimises one",
        ),
        (["objective=acc_vs_macs", "pruner=median", "arch.depth=4,5"], "pruner=pareto"),
        (["hydra/sweeper/sampler=grid", "optimizer.lr=interval(0.01,0.1)"], "range\\(start, stop, step\\)"),
        (["seed=1,2,3"], "sweep.replicates=3"),
        (["n_trials=3"], "-m needs something to vary"),
        (["objective=acc_vs_latency", "measure=none", "arch.depth=4,5"], "measure=none takes none"),
        (["arch.depth=4,5", "sweep.enqueue=[{arch.depth: 9}]"], "outside the space"),
        (["arch.depth=4,5", "sweep.enqueue=[{arch.dpth: 9}]"], "arch.depth"),
        (["arch.depth=4,5", "arch.depth=6"], "given twice"),
        (["arch=vgg11,vgg61"], "vgg61"),
        (["arch.depth=four,5"], "arch.depth"),
        (["arch=glob(squeeze*)"], "matches no option"),
        (["n_trials=4,5"], "cannot be searched"),
        (["optimizer.lr=interval(0.1,0.01)"], "runs from 0.1 to 0.01; the lower end comes first"),
        (["arch.depth=range(9,4)"], "runs from 9 to 4; the lower end comes first"),
        (["arch.depth=4,5", "space.hook=no.such.hook"], "no.such.hook"),
    ],
)
def test_line_that_cannot_work_is_refused_with_what_would(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        spec_of(*words)


def test_spaces_compose_and_the_command_line_wins() -> None:
    spec = spec_of("space=[depth_width,optimizer]", "arch.width=8", "arch.depth=4,6")
    assert list(spec.space.distributions) == [
        "optimizer",
        "optimizer.lr",
        "optimizer.weight_decay",
        "arch.depth",
    ]
    assert spec.space.distributions["arch.depth"].choices == (4, 6)  # type: ignore[attr-defined]


def test_every_override_kind_becomes_a_distribution() -> None:
    spec = spec_of(
        "arch=glob(vgg1*)",
        "optimizer=sgd,adamw",
        "optimizer.lr=tag(log, interval(1e-3, 1e-1))",
        "train.label_smoothing=range(0.0, 0.3, 0.1)",
        "train.epochs=range(5,9)",
        "train.batch_size=shuffle(64,128)",
        "arch.batch_norm=true,false",
    )
    kinds = {name: type(d).__name__ for name, d in spec.space.distributions.items()}
    assert kinds == {
        "arch": "CategoricalDistribution",
        "optimizer": "CategoricalDistribution",
        "optimizer.lr": "FloatDistribution",
        "train.label_smoothing": "FloatDistribution",
        "train.epochs": "IntDistribution",
        "train.batch_size": "CategoricalDistribution",
        "arch.batch_norm": "CategoricalDistribution",
    }
    assert spec.space.distributions["arch"].choices == ("vgg11", "vgg13", "vgg16", "vgg19")  # type: ignore[attr-defined]


def test_name_stays_when_only_what_may_change_changes() -> None:
    assert spec_of("arch.depth=4,5", "n_trials=3").name == spec_of("arch.depth=4,5", "device=cpu").name
    assert spec_of("arch.depth=4,5").name != spec_of("arch.depth=4,6").name
    assert spec_of("experiment=quickstart").name == "quickstart"


def test_continuing_with_other_settings_is_refused_with_the_difference() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=mine", "train.epochs=2")
    spec.root.mkdir(parents=True)
    save_spec(spec)
    check_same_sweep(
        spec_of("arch.depth=4,5", "sweep.name=mine", "train.epochs=2", "n_trials=50", "device=cpu")
    )
    with pytest.raises(ConfigError, match="train.epochs: 2 → 3"):
        check_same_sweep(spec_of("arch.depth=4,5", "sweep.name=mine", "train.epochs=3"))
    with pytest.raises(ConfigError, match="space.arch.depth"):
        check_same_sweep(spec_of("arch.depth=4,6", "sweep.name=mine", "train.epochs=2"))
    with pytest.raises(ConfigError, match="objective.name"):
        check_same_sweep(
            spec_of("arch.depth=4,5", "sweep.name=mine", "train.epochs=2", "objective=acc_vs_macs")
        )


def test_worker_can_be_sent_to_another_process() -> None:
    worker = Worker(spec_of("arch.depth=4,5"), StartTime())
    assert pickle.loads(pickle.dumps(worker)) == worker
