"""What a notebook shows while something trains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from vggsweep.notebook import Picture, is_redrawn
from vggsweep.training.progress import ProgressBar

IPython = pytest.importorskip("IPython", reason="pip install ipykernel")


@pytest.fixture
def cell(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the notebook's cell was told to show, in order."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    monkeypatch.setenv("IPYTHONDIR", str(own_folder))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)  # IPython warns of one that is not this Python's
    InteractiveShell.instance()
    with capture_output() as captured:
        yield captured._outputs
    InteractiveShell.clear_instance()


def text_of(outputs: list[Any]) -> list[str]:
    return [output["data"]["text/plain"].strip() for output in outputs]


def reply(client: Any, asked: str) -> dict[str, Any]:
    """The kernel's answer to one request."""
    while True:
        message = client.get_shell_msg(timeout=100)
        if message["parent_header"]["msg_id"] == asked:
            return dict(message["content"])


def test_picture_is_one_output_that_changes_and_leaves_nothing_behind(cell: list[Any]) -> None:
    console = Console(force_jupyter=True)
    assert is_redrawn(console)

    with Picture(console=console, transient=True, auto_refresh=False) as picture:
        picture.update(Text("1 of 2 <b>", style="red"), refresh=True)
        picture.update(Text("1 of 2 <b>", style="red"), refresh=True)
        picture.update(Text("2 of 2"), refresh=True)

    assert text_of(cell) == ["1 of 2 <b>", "2 of 2", ""]
    assert [output["update"] for output in cell] == [False, True, True]
    assert len({output["transient"]["display_id"] for output in cell}) == 1
    assert "color:" in cell[0]["data"]["text/html"]
    assert "&lt;b&gt;" in cell[0]["data"]["text/html"]


def test_bar_of_a_trial_stands_within_the_picture_of_its_sweep(cell: list[Any]) -> None:
    console = Console(force_jupyter=True)

    with (
        Picture(Text("4 trials"), console=console, transient=True, auto_refresh=False) as picture,
        ProgressBar(console, epochs=2, images=100) as bar,
    ):
        bar.step_ended(1, 1, 50)
        picture.refresh()

    assert len({output["transient"]["display_id"] for output in cell}) == 1
    assert any("4 trials" in text and "epoch 1/2" in text for text in text_of(cell))


def test_terminal_and_file_are_drawn_as_by_rich(tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("w+") as file:
        console = Console(file=file, force_terminal=True, force_jupyter=False)
        with Picture(Text("1 of 2"), console=console, transient=True):
            pass
        file.seek(0)
        assert "1 of 2" in file.read()
    assert not is_redrawn(Console(file=None, force_terminal=False, force_jupyter=False))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_interrupted_kernel_stops_cleanly_and_the_same_cell_continues(
    own_folder: Path, tiny_line: tuple[str, ...]
) -> None:
    manager = pytest.importorskip("jupyter_client").KernelManager(kernel_name="python3")
    line = [word for word in tiny_line if not word.startswith(("arch.depth=", "train.epochs="))]
    call = f"vggsweep.sweep({[*line, 'arch.depth=2,3', 'train.epochs=30', 'sweep.name=long']!r}, n_trials=1)"
    manager.start_kernel(cwd=str(own_folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        asked = client.execute(f"import vggsweep\n{call}")
        deadline = time.monotonic() + 100
        history = own_folder / "outputs" / "long" / "trials" / "00000" / "history.csv"
        while not history.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        manager.interrupt_kernel()
        first = reply(client, asked)
        assert first["ename"] == "Stopped"
        assert "stopped by SIGINT" in first["evalue"]

        assert reply(client, client.execute(call))["status"] == "ok"
        assert len(history.read_text().splitlines()) == 31
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
