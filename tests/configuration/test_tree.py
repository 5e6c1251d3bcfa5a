"""The config tree as files: every option says in one line what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from vggsweep.configuration.compose import group_options, search_places
from vggsweep.configuration.locate import config_dir
from vggsweep.configuration.tree import ConfigTree, first_comment, first_sentence, tree_of

OURS = ConfigTree((config_dir(),))


@pytest.mark.parametrize("group", OURS.groups())
def test_every_option_has_a_line_of_its_own(group: str) -> None:
    lines = {name: first_sentence(first_comment(file)) for name, file in OURS.options(group).items()}
    for name, line in lines.items():
        assert 20 <= len(line) <= 110, (name, line)
        assert line[-1] in ".?", (name, line)
    assert len(set(lines.values())) == len(lines)


@pytest.mark.parametrize("group", [group for group in OURS.groups() if not group.startswith("hydra/")])
def test_options_are_those_that_hydra_finds(group: str) -> None:
    assert list(OURS.options(group)) == group_options(group)


def test_ones_own_directory_comes_last_and_wins_over_nothing(own_folder: Path) -> None:
    folder = own_folder / "mine"
    (folder / "arch").mkdir(parents=True)
    (folder / "loss").mkdir()
    (folder / "arch" / "vgg11.yaml").write_text("# Never read.\n")
    (folder / "arch" / "tiny.yaml").write_text(
        "# @package _global_\n# Mine, of 3 layers\n# and no more.\nx: 1\n"
    )
    (folder / "loss" / "own.yaml").write_text("name: own\n")
    tree = tree_of(search_places(folder))
    assert {"loss", "arch", "hydra/launcher"} <= set(tree.groups())
    assert tree.options("arch")["vgg11"] == config_dir() / "arch" / "vgg11.yaml"
    assert first_comment(tree.options("arch")["tiny"]) == "Mine, of 3 layers and no more."
    assert first_comment(tree.options("loss")["own"]) == ""
    assert tree.options("los") == {}
