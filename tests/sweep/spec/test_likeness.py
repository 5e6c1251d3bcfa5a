"""Which earlier trials were trained as a sweep would train."""

from __future__ import annotations

from tests.sweep.conftest import begin, spec_of
from vggsweep.results.disk.choice import Choice
from vggsweep.sweep.spec.likeness import trials_alike

WORDS = ("arch.width=4,8", "measure=none")


def numbers(choice: Choice | None) -> list[int]:
    assert choice is not None
    return [number for sweep in choice.sweeps for number in choice.numbers(sweep)]


def test_of_a_sweep_the_trials_whose_table_shows_another_setting_are_left_out() -> None:
    enqueued = "sweep.enqueue=[{arch.depth: 4, arch.width: 8, optimizer.lr: 0.5}]"
    begin(spec_of("arch.depth=4,5", *WORDS, enqueued, "sweep.name=earlier", "n_trials=5"))

    assert numbers(trials_alike(spec_of("arch.depth=6,7", *WORDS))) == [1, 2, 3]
    assert trials_alike(spec_of("arch.depth=6,7", *WORDS, "train.epochs=3")) is None
    assert trials_alike(spec_of("arch.depth=6,7", *WORDS, "train.label_smoothing=0.1")) is None


def test_one_record_speaks_for_all_trials_of_a_sweep_that_differ_in_size_alone() -> None:
    spec = spec_of("arch.depth=4,5", *WORDS, "sweep.name=earlier", "sweep.replicates=2", "n_trials=8")
    begin(spec)
    text = spec.directory.trial(5).record.read_text()
    spec.directory.trial(5).record.write_text(
        text.replace('"label_smoothing": 0.0', '"label_smoothing": 0.3')
    )

    assert numbers(trials_alike(spec_of("arch.depth=6,7", *WORDS))) == list(range(8))
