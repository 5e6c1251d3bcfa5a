"""What libraries work out anew each time although it never changes, worked out once in a process of tests.

Nothing of ours is left out: the second time, a test is given a copy of what the library gave the first.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from hydra._internal.config_repository import ConfigRepository
from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, read_write
from optuna.storages._rdb.storage import _VersionManager

from vggsweep.configuration import compose as composition
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.storage.rdb import open_database


def read_revisions_once() -> None:
    """Let Alembic read the revisions of Optuna's tables once.

    It does so each time a database is opened, to name the newest: 25 of 29 milliseconds.
    """
    read = _VersionManager._create_alembic_script
    scripts: list[ScriptDirectory] = []

    def first(self: _VersionManager) -> ScriptDirectory:
        if not scripts:
            scripts.append(read(self))
        return scripts[0]

    _VersionManager._create_alembic_script = first  # type: ignore[method-assign]


@cache
def empty_database() -> bytes:
    """The file in which a sweep's study is made, with its tables and no study; making them takes longest."""
    with tempfile.TemporaryDirectory() as folder:
        directory = SweepDirectory(Path(folder))
        open_database(directory, None).close()
        return directory.study.read_bytes()


def compose_once() -> None:
    """Let Hydra compose the same words once: 90 milliseconds, and a copy takes 2.

    Words that look elsewhere (a directory of one's own, the environment) are composed each time.
    """
    compose = composition.hydra_compose
    with composition.hydra_at():
        ours = _search_path()
    known: dict[tuple[str, ...], bytes] = {}

    def first(config_name: str, *, overrides: list[str], return_hydra_config: bool) -> DictConfig:
        words = (config_name, *overrides)
        if _search_path() != ours or any("${" in word or "searchpath" in word for word in words):
            return compose(config_name, overrides=overrides, return_hydra_config=return_hydra_config)
        if words not in known:
            known[words] = pickle.dumps(compose(config_name, overrides=overrides, return_hydra_config=True))
        config: DictConfig = pickle.loads(known[words])
        with read_write(config.hydra):
            config.hydra.runtime.cwd = os.getcwd()  # noqa: PTH109
        return config

    composition.hydra_compose = first  # type: ignore[assignment]


def read_configs_once() -> None:
    """Let Hydra read our YAML files once: 33 of the 71 milliseconds of a composition, and copies take 4.

    Where a directory of one's own is searched too, all are read each time.
    """
    load = ConfigRepository.load_config
    with composition.hydra_at():
        hydra: Any = GlobalHydra.instance().hydra
        ours = _places(hydra.config_loader.repository)
    known: dict[str, bytes] = {}

    def first(self: ConfigRepository, config_path: str) -> ConfigResult | None:
        if _places(self) != ours:
            return load(self, config_path)
        if config_path not in known:
            known[config_path] = pickle.dumps(load(self, config_path))
        found: ConfigResult | None = pickle.loads(known[config_path])
        return found

    ConfigRepository.load_config = first  # type: ignore[method-assign]


def _places(repository: ConfigRepository) -> list[str]:
    return [source.full_path() for source in repository.sources]


def _search_path() -> str:
    hydra: Any = GlobalHydra.instance().hydra
    return str(hydra.config_loader.config_search_path)
