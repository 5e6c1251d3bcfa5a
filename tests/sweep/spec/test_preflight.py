"""What is wrong with a sweep is said before it has a directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.orders import read_spec
from tests.sweep.conftest import spec_of
from vggsweep.errors import ConfigError

HOOKS = """
def slips(trial):
    raise ValueError(f"no idea\\nfor {trial.params['arch.depth']}")

def forgets(trial):
    pass

def counts(trial):
    return {"sweep.n_trials": 3}

def empties(trial):
    return {"train.clip_grad_norm": None, "arch.stages": [[1, trial.suggest_int("channels", 4, 8)]]}

class Net:
    def __init__(self, channels, num_classes):
        raise RuntimeError("a slip of mine")
"""


@pytest.fixture
def own_code(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with hooks and a network of a user."""
    (own_folder / "preflight_hooks.py").write_text(HOOKS)
    (own_folder / "preflight_broken.py").write_text("x = 1\ndef x(:\n")
    monkeypatch.syspath_prepend(own_folder)
    return "preflight_hooks"


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as refusal:
        spec_of(*words)
    assert "\n" not in str(refusal.value)
    assert not Path("outputs").exists()
    return str(refusal.value)


def test_workers_that_windows_cannot_start_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Give the same command, without n_workers" in refused("arch.depth=4,5", "n_workers=2")
    spec_of("arch.depth=4,5")


def test_real_interval_of_a_whole_number_is_refused_with_the_range_that_was_meant() -> None:
    told = '"arch.depth=range(4,9)"'
    assert refused("arch.depth=interval(4,8)").endswith(told)
    assert refused("arch.depth=tag(log,interval(4,8))").endswith(told)
    spec_of("arch.width=interval(4,8)")  # a real number
    assert "should be a whole number. To try 4 to 8: -m 'arch.depth=range(4,9)'" in refused(
        "arch.depth=4..8", "seed=1"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["arch.depth=4,6", "arch.stages=[[1,8],[1,16]]"],
        ["arch.depth=4,6", "arch.stages=null,[[1,8],[1,16]]"],
        ["measure=none", "measure.min_runs=5,10"],
        ["optimizer.weight_decay=0", "optimizer.decay_biases_and_norms=true,false"],
        ["dataset.root=a,b"],
    ],
)
def test_swept_field_that_changes_nothing_is_refused(words: list[str]) -> None:
    assert "is swept but changes nothing: " in refused(*words)


def test_field_that_is_idle_in_a_part_of_the_space_alone_may_be_swept() -> None:
    spec_of("optimizer.weight_decay=0,0.1", "optimizer.decay_biases_and_norms=true,false")


def test_depth_beside_a_hook_that_draws_stages_is_refused() -> None:
    assert "arch.depth is swept but changes nothing" in refused("space=stagewise", "arch.depth=4,6")


def test_field_of_a_space_that_nobody_typed_is_said_to_come_from_there() -> None:
    assert refused("arch=lenet", "space=depth_width").startswith(
        "arch.depth is varied by space=depth_width, not by a word of this line"
    )
    stages = ("arch.stages=[[1,8],[1,8]]", "experiment=quickstart", "arch.width=null")
    assert refused(*stages).startswith(
        "arch.depth is varied by experiment=quickstart, not by a word of this line: arch.depth is swept but "
        "changes nothing"
    )
    assert refused("arch.stages=[[1,8]]", "arch.depth=4,6").startswith("arch.depth is swept but changes")


def test_space_that_varies_what_a_budget_solves_gives_it_up_by_a_word() -> None:
    words = ("space=depth_width", "budget=macs", "budget.target=5e6")
    told = refused(*words)
    assert told.startswith(
        "arch.width is varied by space=depth_width, not by a word of this line: arch.width=4 and budget=macs "
        "contradict each other"
    )
    assert told.endswith("arch.width=null takes back what an experiment or a space says of it.")
    assert list(spec_of(*words, "arch.width=null").space.distributions) == ["arch.depth"]
    assert refused(*words[1:], "arch.width=8,16").startswith("arch.width=8 and budget=macs contradict")


def test_sweep_in_which_nothing_can_exist_is_refused_with_the_first_reason() -> None:
    assert "No trial of this sweep can exist. The first: arch.depth=2 is less" in refused("arch.depth=2,3")
    spec_of("arch.depth=2,3", "arch.num_blocks=4,3,2")


def test_options_that_bring_sweeps_of_their_own_cannot_be_swept_together() -> None:
    assert "and a sweep has one" in refused("experiment=quickstart,iso_macs_mini")
    spec_of("experiment=d2l_vgg,d2l_vgg_fast")


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ("slips", "raised ValueError: no idea for 5 (preflight_hooks.py, line 3)."),
        ("forgets", "returned None; it should return overrides"),
        ("counts", "brings another sweep of its own"),
    ],
)
def test_slip_in_a_users_hook_is_told_in_its_own_words_and_line(own_code: str, hook: str, told: str) -> None:
    assert told in refused("arch.depth=5,5", f"space.hook={own_code}.{hook}")


def test_users_file_that_is_no_python_is_told_with_its_line(own_code: str) -> None:
    assert "(preflight_broken.py, line 2)" in refused("arch.depth=4,5", "space.hook=preflight_broken.x")


def test_network_that_never_can_be_built_ends_the_sweep_before_it_begins(own_code: str) -> None:
    said = refused("arch=custom", f"arch.target={own_code}.Net", "optimizer.lr=0.1,0.2")

    assert "RuntimeError: a slip of mine (preflight_hooks.py, line 16)" in said


def test_null_and_lists_of_a_hook_and_of_enqueued_trials_are_what_they_are(own_code: str) -> None:
    spec_of("optimizer.lr=0.1,0.2", f"space.hook={own_code}.empties")
    spec = spec_of(
        "train.clip_grad_norm=null,1.0",
        "sweep.enqueue=[{train.clip_grad_norm: null},{train.clip_grad_norm: 1, train.ema: null}]",
    )

    assert spec.space.match_value("train.clip_grad_norm", None) == "null"
    assert spec.space.words({"train.clip_grad_norm": "null", "train.ema": None}) == [
        "train.clip_grad_norm=null",
        "train.ema=null",
    ]
    assert "lies outside the space (one of null, 1.0)" in refused(
        "train.clip_grad_norm=null,1.0", "sweep.enqueue=[{train.clip_grad_norm: 2}]"
    )


def test_names_of_own_parts_can_be_swept_and_each_is_tried() -> None:
    line = ("optimizer=custom", "loss=custom", "loss.target=torch.nn.CrossEntropyLoss")
    spec = spec_of(*line, "optimizer.target=torch.optim.SGD,torch.optim.Adam")
    targets = [spec.composer.compose(spec.space.words(point)) for point in spec.space.points()]
    assert [one["optimizer"]["target"] for one in targets] == ["torch.optim.SGD", "torch.optim.Adam"]

    with pytest.raises(ConfigError, match="Did you mean torch.optim.Adam?"):
        spec_of(*line, "optimizer.target=torch.optim.SGD,torch.optim.Adm")
    with pytest.raises(ConfigError, match="got an unexpected keyword argument 'momentun'"):
        spec_of(*line, "optimizer.target=torch.optim.SGD", "+optimizer.options.momentun=0.8,0.9")


def test_null_in_a_space_of_ones_own_is_null(own_folder: Path) -> None:
    (own_folder / "conf" / "space").mkdir(parents=True)
    mine = own_folder / "conf" / "space" / "mine.yaml"
    mine.write_text("params:\n  train.clip_grad_norm: null,1.0\n")
    spec = read_spec(
        ["space=mine"], extra_dir=own_folder / "conf", config_name="config", command="vggsweep -m …"
    )

    values = [spec.composer.compose(spec.space.words(point)) for point in spec.space.points()]
    assert [value["train"]["clip_grad_norm"] for value in values] == [None, 1.0]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("nonsense", "is no database address"),
        ("${oc.env:NO_SUCH_VARIABLE}", "Environment variable 'NO_SUCH_VARIABLE' not found"),
        ("nodb://host/x", "there is no driver for 'nodb'"),
    ],
)
def test_address_that_no_database_is_behind_is_refused(address: str, told: str) -> None:
    assert told in refused("arch.depth=4,5", f"sweep.storage='{address}'")


def test_bad_address_out_of_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_DB", "nonsense")
    assert "is no database address" in refused("arch.depth=4,5", "sweep.storage=${oc.env:SWEEP_DB}")


def test_name_says_what_is_swept_and_finds_a_sweep_that_had_the_earlier_name(own_folder: Path) -> None:
    words = ("arch.depth=4,5", "optimizer.lr=0.1,0.2")
    name = spec_of(*words).name
    assert name.startswith("depth-lr-")
    assert spec_of(*words, "n_trials=3").name == name
    earlier = f"sweep-{name.rpartition('-')[2]}"
    (own_folder / "outputs" / earlier).mkdir(parents=True)
    assert spec_of(*words).name == earlier
    assert spec_of("space=stagewise").name.startswith("stagewise-")
    assert spec_of("space=[depth_width,optimizer]").name.startswith("depth-width-optimizer-more-")


def test_seeds_of_enqueued_trials_are_refused_beside_replicates() -> None:
    enqueued = "sweep.enqueue=[{arch.width: 4, seed: 3},{arch.width: 4, seed: 4}]"

    assert "leave seed out here" in refused("arch.depth=4", enqueued, "sweep.replicates=2")
    assert len(spec_of("arch.depth=4", enqueued).settings.enqueue or ()) == 2


def test_a_value_that_a_list_has_twice_is_one_choice() -> None:
    spec = spec_of("arch.depth=4,4,6", "optimizer.lr=1e-1,0.1,.1,0.2")

    assert spec.space.size == 4
