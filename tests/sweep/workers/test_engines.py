"""The same small sweep through every engine: each trial once, records that agree with the study."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.sweep.conftest import spec_of
from tests.sweep.postgres import DATABASE_PASSWORD, Server
from vggsweep.configuration.line import Line, check_run, check_sweep, read_line
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.storage.trial_attrs import counted
from vggsweep.sweep.workers import launchers
from vggsweep.sweep.workers.launchers import PLUGINS, check_detach, check_launcher, choose_launcher

CHECKOUT = Path(__file__).parents[3]
ENGINES = {
    "in-process": (1, []),
    "joblib-2": (2, []),
    "joblib-4": (4, []),
    "submitit": (2, ["hydra/launcher=submitit_local"]),
    "ray": (2, ["hydra/launcher=ray_local"]),
}
PACKAGES = {"submitit": "submitit", "ray": "ray"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("engine", ENGINES)
def test_sweep_is_the_same_through_every_engine(
    engine: str, database: str, tiny_line: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    if engine in PACKAGES:
        pytest.importorskip(PACKAGES[engine])
    workers, choice = ENGINES[engine]
    storage: list[str] = []
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    if database == "postgresql":
        server: Server = request.getfixturevalue("server")
        storage = [f"sweep.storage={server.url}"]
        environment["PGPASSWORD"] = DATABASE_PASSWORD
    name = f"{engine}-{database}"
    own = [word for word in tiny_line if not word.startswith("arch.width=")]
    words = [
        *own,
        "-m",
        "arch.width=2,4,6,8",
        f"n_workers={workers}",
        *choice,
        *storage,
        f"sweep.name={name}",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "vggsweep", *words, *choice, *storage],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sweep = sweep_directory(name)
    url = storage[0].removeprefix("sweep.storage=") if storage else None
    trials = counted(read_study(sweep, url).get_trials(deepcopy=False))
    records = [record for _, record in read_records(sweep.path)[0]]
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert [record.trial for record in records] == [trial.number for trial in trials]
    assert [record.metrics["val_acc"] for record in records] == [trial.value for trial in trials]
    assert {record.network["width"] for record in records} == {2, 4, 6, 8}


def test_launcher_without_its_package_is_refused_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'vggsweep\[slurm\]'"):
        check_launcher(["hydra/launcher=slurm"])
    check_launcher(["hydra/launcher=joblib", "arch.depth=4"])


def test_sweep_keeps_its_name_and_its_fingerprint_whatever_runs_it() -> None:
    plain = spec_of("arch.depth=4,5")
    other = spec_of(
        "arch.depth=4,5",
        "n_workers=4",
        "hydra/launcher=joblib",
        "sweep.trial_timeout=60",
        "sweep.lease=5",
        "sweep.detach=true",
        "sweep.storage=postgresql://me@host/db",
    )
    assert other.name == plain.name
    assert other.fingerprint() == plain.fingerprint()


def test_words_that_add_to_a_launcher_are_no_part_of_a_trial() -> None:
    added = ("hydra/launcher=joblib", "+hydra.launcher.return_as=list", "++hydra.launcher.verbose=1")
    spec = spec_of("arch.depth=4,5", *added, "sweep.name=s")
    assert spec.fixed == ("sweep.name=s",)
    assert spec.fingerprint() == spec_of("arch.depth=4,5", "sweep.name=s").fingerprint()


@pytest.mark.parametrize("word", ["n_workers=4", "sweep.storage=postgresql://host/db", "sweep.detach=true"])
def test_word_for_workers_is_refused_where_there_are_none(word: str) -> None:
    with pytest.raises(ConfigError, match=f"^{word} is for sweeps: add -m"):
        check_run(["arch.depth=4", word], None, "config")
    with pytest.raises(ConfigError, match=f"^{word} is for our own sweeper; hydra/sweeper=basic"):
        check_sweep(line_of("hydra/sweeper=basic", "arch.depth=4,5", word), None, "config")


def line_of(*words: str) -> Line:
    return read_line(words, extra_dir=None, config_name="config")


def test_pool_of_a_launcher_holds_all_workers_or_is_refused() -> None:
    joblib = ["hydra/launcher=joblib"]
    assert choose_launcher([], line_of().hydra, 1) == []
    assert choose_launcher([], line_of().hydra, 4) == [*joblib, "hydra.launcher.n_jobs=4"]
    assert choose_launcher(joblib, line_of(*joblib).hydra, 4) == ["hydra.launcher.n_jobs=4"]
    told = [*joblib, "hydra.launcher.n_jobs=4"]
    assert choose_launcher(told, line_of(*told).hydra, 4) == []
    with pytest.raises(ConfigError, match="n_jobs=4 and n_workers=1 contradict each other.* n_workers=4$"):
        choose_launcher(told, line_of(*told).hydra, 1)


def test_several_workers_under_the_basic_launcher_are_refused() -> None:
    with pytest.raises(ConfigError, match="cannot hold n_workers=2"):
        choose_launcher(["hydra/launcher=basic"], line_of("hydra/launcher=basic").hydra, 2)


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local", "ray_local"])
def test_detached_sweep_is_refused_without_a_queue_that_outlives_the_command(launcher: str) -> None:
    if launcher in PLUGINS:
        pytest.importorskip(PLUGINS[launcher][0])
    words = ("arch.depth=4,5", f"hydra/launcher={launcher}")
    check_detach(line_of(*words).hydra, spec_of(*words).settings)
    detached = spec_of(*words, "sweep.detach=true").settings
    with pytest.raises(ConfigError, match=f"hydra/launcher={launcher} has none: .* Add hydra/launcher=slurm"):
        check_detach(line_of(*words).hydra, detached)


def test_time_of_a_detached_sweep_is_left_to_the_queue() -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    words = ("arch.depth=4,5", "hydra/launcher=slurm", "sweep.detach=true")
    check_detach(line_of(*words).hydra, spec_of(*words).settings)
    with pytest.raises(ConfigError, match="sweep.timeout=60 and sweep.detach=true contradict each other"):
        check_detach(line_of(*words).hydra, spec_of(*words, "sweep.timeout=60").settings)


@pytest.mark.parametrize("preset", ["slurm", "ray_local"])
def test_presets_compose(preset: str) -> None:
    pytest.importorskip({"slurm": "hydra_plugins.hydra_submitit_launcher"}.get(preset, "ray"))
    spec_of("arch.depth=4,5", f"hydra/launcher={preset}", "n_workers=2")
