"""Real commands in real processes, without a start of Python for each.

Starting Python and importing torch takes seconds, a kill needs none of that. So one process imports
everything, then waits; for each command it forks a child, which runs the command as the console script
does. It never computes anything itself: a fork of a process with running OpenMP threads would hang.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds, on a machine that does other things too
# Rounds of the tests that kill at random; `make faults` asks for more.
KILLS = int(os.environ.get("VGGSWEEP_KILLS", "20"))
WARM_PROCESS = """
import gc, json, os, sys
import optuna, torch, vggsweep.cli, vggsweep.sweep.run, vggsweep.sweep.hydra_task
import torch._dynamo  # every optimizer imports it, and it takes a second
from tests.remembered import read_configs_once, read_revisions_once
from vggsweep.configuration.compose import compose

read_configs_once()
read_revisions_once()
compose([])
optuna.storages.RDBStorage("sqlite://")
gc.collect()
gc.freeze()  # no child looks through all these modules again: half a second of two for a small sweep
print("warm", flush=True)
for line in sys.stdin:
    words, folder, output, last, first = json.loads(line)
    child = os.fork()
    if child == 0:
        if last is not None:  # kill this process at the moment when that function returns
            place, _, name = last.rpartition(".")
            inner = getattr(sys.modules[place], name)
            setattr(sys.modules[place], name, lambda *a, **k: (inner(*a, **k), os.kill(os.getpid(), 9)))
        os.chdir(folder)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        exec(first)  # the fault, in the world of this one process
        sys.argv = ["vggsweep", *words]
        vggsweep.cli.main()
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

# Has loaded all that a command may need but torch, so a child shows whether its command needs torch.
LIGHT_PROCESS = """
import gc, importlib, json, os, sys
import vggsweep.cli, vggsweep.sweep.application
from vggsweep.configuration.compose import compose

compose([])
for verb in vggsweep.cli.VERBS:
    importlib.import_module(f"vggsweep.verbs.{verb}")
assert "torch" not in sys.modules
gc.collect()
gc.freeze()
print("ready", flush=True)
for line in sys.stdin:
    words, folder, environment, streams, loaded = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        for number, path in enumerate(streams, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["vggsweep", *words]
        try:
            vggsweep.cli.main()
        finally:
            with open(loaded, "w") as file:
                json.dump("torch" in sys.modules, file)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """What one command said, and whether it loaded torch to say it."""

    returncode: int
    stdout: str
    stderr: str
    loads_torch: bool


def ask(
    server: subprocess.Popen[str], home: Path, words: tuple[str, ...], environment: dict[str, str]
) -> Answer:
    """Run one command in the current directory, in a child of the process without torch.

    Args:
        server: runs `LIGHT_PROCESS`.
        home: an empty directory for what the command says.
        words: after ``vggsweep``.
        environment: of the command.
    """
    out, err, loaded = (home / name for name in ("out.txt", "err.txt", "torch.json"))
    loaded.unlink(missing_ok=True)
    line: list[Any] = [words, str(Path.cwd()), environment, [str(out), str(err)], str(loaded)]
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{json.dumps(line)}\n")
    server.stdin.flush()
    code = int(server.stdout.readline())
    return Answer(code, out.read_text(), err.read_text(), json.loads(loaded.read_text()))


@dataclass
class Command:
    """One ``vggsweep …`` that runs in a process of its own.

    Args:
        pid: the process.
        output: where its standard output and error go, after what ran in this folder before.
        server: whoever knows its exit code.
        start: length of the output before it began.
    """

    pid: int
    output: Path
    server: subprocess.Popen[str]
    start: int

    @property
    def text(self) -> str:
        return self.output.read_text()[self.start :]

    def wait_for(self, words: str) -> None:
        """Wait until it has said these words."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.005)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        """Its exit code, once it has ended; the negative number of the signal that killed it.

        Until this is asked, the process can be sent signals, also when it has ended by itself.
        """
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())
