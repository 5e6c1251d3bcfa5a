from __future__ import annotations

from io import StringIO

from rich.console import Console

from vggsweep.training.loop import EpochResult
from vggsweep.training.progress import ProgressBar, epoch_line

RESULT = EpochResult(
    epoch=2,
    lr=0.1,
    train_loss=0.51234,
    train_acc=0.8,
    val_loss=0.6,
    val_acc=0.75,
    train_seconds=0.5,
    images_per_second=12345.6,
)


def test_an_epoch_is_one_line_with_its_figures() -> None:
    line = epoch_line(RESULT, 5)
    assert line == "epoch 2/5  loss 0.5123  train_acc 0.8000  val_acc 0.7500  12,346 images/s"


def test_without_a_terminal_each_epoch_is_a_line_and_steps_are_silent() -> None:
    output = StringIO()
    with ProgressBar(Console(file=output), epochs=5, images=100) as bar:
        bar.step_ended(2, 1, 50)
        assert output.getvalue() == ""
        bar.epoch_ended(RESULT)
    assert output.getvalue() == epoch_line(RESULT, 5) + "\n"


def test_on_a_terminal_a_bar_shows_epoch_and_figures() -> None:
    output = StringIO()
    console = Console(file=output, force_terminal=True, width=120)
    with ProgressBar(console, epochs=5, images=100, done=1) as bar:
        bar.step_ended(2, 1, 50)
        bar.epoch_ended(RESULT)
        bar.step_ended(3, 1, 50)
    shown = output.getvalue()
    assert "epoch 3/5" in shown
    assert "val_acc 0.7500" in shown
    assert "images/s" in shown
