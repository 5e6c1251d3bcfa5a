"""The config tree is found in a checkout and beside an installed package."""

from __future__ import annotations

from pathlib import Path

from vggsweep.configuration.locate import config_dir


def test_config_tree_is_found_wherever_the_current_directory_is(own_folder: Path) -> None:
    (own_folder / "conf").mkdir()

    found = config_dir()

    assert (found / "config.yaml").is_file()
    assert found.is_absolute()
    assert found != own_folder / "conf"
