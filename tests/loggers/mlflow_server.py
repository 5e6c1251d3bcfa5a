"""A tracking server of the test's own, on loopback, in a temporary directory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

# It imports much, on a machine that does other things too.
PATIENCE = 180.0


def server_program() -> str | None:
    """The command ``mlflow``: of VGGSWEEP_MLFLOW, or of the PATH if it is the whole of MLflow.

    The extra installs mlflow-skinny, whose command has no server.
    """
    named = os.environ.get("VGGSWEEP_MLFLOW")
    if named is not None:
        return named
    found = shutil.which("mlflow")
    if found is None:
        return None
    tried = subprocess.run([found, "server", "--help"], capture_output=True)
    return found if tried.returncode == 0 and b"--artifacts-destination" in tried.stdout else None


@dataclass
class MlflowServer:
    """A server that keeps runs in SQLite, and hands artifacts on to a folder.

    Args:
        program: ``mlflow``.
        folder: its data.
        port: on loopback.
    """

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        words = [self.program, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        words += ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        words += ["--artifacts-destination", str(self.folder / "artifacts")]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DO_NOT_TRACK": "true"}
        environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # ten processes for what no test asks
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                words,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        opener = build_opener(ProxyHandler({}))
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()
            assert time.monotonic() < deadline, (self.folder / "log.txt").read_text()
            try:
                with opener.open(f"{self.url}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.3)

    def stop(self) -> None:
        """End it at once, as a machine that loses its power."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)  # it has processes of its own
            self.process.wait()
            self.process = None
