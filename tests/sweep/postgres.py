"""A PostgreSQL server of the test's own, on loopback, in a temporary directory."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

DATABASE_PASSWORD = "not-for-anybodys-eyes"


def server_programs() -> Path | None:
    """The directory of initdb and pg_ctl: Debian keeps them out of the PATH."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def account() -> str | None:
    """PostgreSQL refuses to run as root; None when this process is not root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@dataclass
class Server:
    """A running server.

    Args:
        programs: directory of its programs.
        folder: its data.
        port: on loopback.
    """

    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://sweeper@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *words: str) -> None:
        # pg_ctl's server inherits open pipes and would keep a reader waiting for ever
        with tempfile.TemporaryFile("w+") as output:
            code = subprocess.run(
                [self.programs / program, *words],
                user=account(),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            ).returncode
            output.seek(0)
            assert code == 0, output.read()

    def create(self) -> None:
        password = self.folder.parent / "password"
        password.write_text(DATABASE_PASSWORD)
        if (name := account()) is not None:
            for path in (self.folder.parent, password):
                shutil.chown(path, name)
        secret = f"--pwfile={password}"
        self.run("initdb", "-D", str(self.folder), "-U", "sweeper", "-A", "scram-sha-256", secret, "-N")

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder.parent} -c fsync=off"
        log = str(self.folder.parent / "log")
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-m", "fast", "stop")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
