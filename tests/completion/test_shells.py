"""Real shells, with a terminal of their own: what Tab makes of a line after the documented command."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

from vggsweep.completion.shells import COMMANDS

ROOT = Path(__file__).parents[2]
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
PATIENCE = 30.0
BEFORE_A_PATH = ("--config-dir ", "table mine --out ", "predict mine/2 --folder=", "dataset.root=./")


class Terminal:
    """A shell at a terminal."""

    def __init__(self, argv: list[str], folder: Path) -> None:
        self.text = ""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
            own = {
                "PATH": path,
                "TERM": "dumb",
                "HOME": str(folder),
                "PYTHONPATH": str(ROOT),
                "LC_ALL": "C.UTF-8",
            }
            os.chdir(folder)
            os.execvpe(argv[0], argv, own)

    def type(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def wait_for(self, file: Path) -> str:
        """Read what the shell shows, as it stops otherwise, until it has written a file."""
        deadline = time.monotonic() + PATIENCE
        while not (file.exists() and file.read_text().endswith("\n")):
            assert time.monotonic() < deadline, self.text
            if select.select([self.descriptor], [], [], 0.05)[0]:
                self.text += os.read(self.descriptor, 65536).decode(errors="replace")
        return file.read_text()

    def close(self) -> None:
        os.close(self.descriptor)  # the shell gets SIGHUP
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_after_the_documented_command(shell: str, sweeps: Path, own_folder: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    command = own_folder / "bin" / "vggsweep"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vggsweep "$@"\n')
    command.chmod(0o755)
    lines = {
        "vggsweep tab": "vggsweep table",
        "vggsweep dataset=cifar100 head=v": "vggsweep dataset=cifar100 head=vgg",
        "vggsweep -m arch=vgg11,vgg_sm": "vggsweep -m arch=vgg11,vgg_small",
        "vggsweep table mine/b": "vggsweep table mine/best",
        "vggsweep status --w": "vggsweep status --watch",
    }
    # where we have nothing to say, the shell's own files
    (own_folder / "mypics").mkdir()
    (own_folder / "mypics" / "shoe.jpg").touch()
    folder = "mypics" if shell == "zsh" else "mypics/"  # whose / goes with the next blank
    lines |= {f"vggsweep {typed}myp": f"vggsweep {typed}{folder}" for typed in BEFORE_A_PATH}
    lines["vggsweep predict mine/2 mypics/"] = "vggsweep predict mine/2 mypics/shoe.jpg"
    terminal = Terminal(SHELLS[shell], own_folder)
    try:
        terminal.type(f"{COMMANDS[shell]}\necho ready > ready.txt\n")
        terminal.wait_for(own_folder / "ready.txt")
        for number, (typed, completed) in enumerate(lines.items()):
            said = own_folder / f"{number}.txt"
            # to the line's start, so that the shell tells the line instead of running it
            terminal.type(f"{typed}\t\x01echo \x05 > {said.name}\n")
            assert terminal.wait_for(said).split() == completed.split(), terminal.text
    finally:
        terminal.close()
