"""What may follow a line, and what it costs to know it."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import pytest

import vggsweep
from vggsweep.cli import VERBS
from vggsweep.completion.candidates import VERBS_FOLDER, complete, verb_syntax
from vggsweep.configuration.locate import config_dir

ROOT = Path(vggsweep.__file__).parents[1]


def offered(line: str) -> list[str]:
    return complete(line, VERBS)


def options(group: str, start: str = "") -> list[str]:
    return sorted(path.stem for path in (config_dir() / group).glob(f"{start}*.yaml"))


def test_options_of_a_group_are_offered() -> None:
    assert offered("vggsweep arch=vgg") == [f"arch={option}" for option in options("arch", "vgg")]
    assert offered("vggsweep -m optimizer=ad") == ["optimizer=adam", "optimizer=adamw"]
    assert "hydra/launcher=slurm" in offered("vggsweep -m hydra/launcher=")


def test_behind_a_comma_come_the_options_that_are_not_there_yet() -> None:
    assert offered("vggsweep -m arch=vgg11,vgg1") == [
        f"arch=vgg11,{name}" for name in ("vgg13", "vgg16", "vgg19")
    ]


def test_options_of_ones_own_directory_are_offered(own_folder: Path) -> None:
    (own_folder / "mine" / "arch").mkdir(parents=True)
    (own_folder / "mine" / "arch" / "tiny.yaml").write_text("# A network of mine.\nfamily: vgg_scaled\n")
    assert offered("vggsweep --config-dir mine arch=tin") == ["arch=tiny"]
    assert offered("vggsweep --config-dir=mine arch=tin") == ["arch=tiny"]
    assert offered("vggsweep arch=tin") == []


def test_fields_are_those_of_the_options_that_the_line_chooses() -> None:
    assert offered("vggsweep arch.de") == ["arch.depth="]
    assert offered("vggsweep optimizer=adam optimizer.be") == ["optimizer.betas="]
    assert offered("vggsweep optimizer.be") == []
    assert offered("vggsweep experiment=d2l_vgg optimizer.l") == ["optimizer.lr="]
    assert offered("vggsweep budget.t") == ["budget.target=", "budget.tolerance="]
    assert offered("vggsweep n_tr") == ["n_trials="]
    assert offered("vggsweep +augment.crop") == ["+augment.crop_padding="]


def test_a_field_is_followed_by_the_value_that_it_has() -> None:
    assert offered("vggsweep arch.depth=") == ["arch.depth=8"]
    assert offered("vggsweep optimizer=adam optimizer.betas=") == ["optimizer.betas=[0.9,0.999]"]


def test_verbs_are_offered_as_the_first_word_only() -> None:
    first = offered("vggsweep ")
    assert first[: len(VERBS)] == list(VERBS)
    assert {"arch=", "arch.", "seed=", "n_trials="} <= set(first)
    assert offered("vggsweep tab") == ["table"]
    assert not set(VERBS) & set(offered("vggsweep arch=vgg16 "))


def test_a_verb_is_followed_by_what_it_reads(sweeps: Path) -> None:
    assert offered("vggsweep table ") == ["mine", "mine/", "other", "other/"]
    assert offered("vggsweep table mine o") == ["other", "other/"]
    assert offered("vggsweep rerun mine/") == ["mine/0", "mine/2", "mine/10", "mine/best"]
    assert offered("vggsweep table outputs/mine/1") == ["outputs/mine/10"]
    assert offered("vggsweep doctor ") == []
    assert {"arch", "dataset", "sweeps"} <= set(offered("vggsweep list "))
    assert offered("vggsweep list arch ") == []
    assert offered("vggsweep summary arch=vgg16 head=g") == ["head=gap"]
    assert offered("vggsweep summary mine/b") == ["mine/best"]
    assert offered("vggsweep sweep.name=m") == ["sweep.name=mine"]


def test_a_sweep_whose_name_a_shell_would_take_apart_is_not_offered(sweeps: Path) -> None:
    for name in ("a b", "$(touch broken)", "x;y"):
        (sweeps / name / "trials").mkdir(parents=True)
    assert offered("vggsweep table ") == ["mine", "mine/", "other", "other/"]


def test_flags_are_those_of_the_verb() -> None:
    assert {"--where", "--latex", "--help"} <= set(offered("vggsweep table --"))
    assert offered("vggsweep status mine --w") == ["--watch"]
    assert {"-m", "--cfg", "--config-dir"} <= set(offered("vggsweep -"))


@pytest.mark.parametrize("verb", VERBS)
def test_the_source_of_a_verb_says_what_its_parser_does(verb: str) -> None:
    parser = ArgumentParser(add_help=False)
    import_module(f"vggsweep.verbs.{verb}").add_arguments(parser)
    flags, words = verb_syntax(VERBS_FOLDER / f"{verb}.py")
    takes_value = {flag: a.nargs != 0 for a in parser._actions for flag in a.option_strings}
    assert {flag: values is not None for flag, values in flags.items()} == takes_value
    positional = [action.dest for action in parser._actions if not action.option_strings]
    kinds = {"overrides": "overrides", "group": "group", "pictures": "files"}
    assert words == [kinds.get(name, "sweeps and trials") for name in positional]


def test_a_flag_that_takes_a_value_is_followed_by_its_values_or_by_files() -> None:
    assert complete("vggsweep export quickstart/0 --to ", VERBS) == ["onnx", "torch-export", "safetensors"]
    assert complete("vggsweep predict quickstart/0 --folder ", VERBS) == []
    assert complete("vggsweep --config-dir ex", VERBS) == []


def test_pictures_are_files_and_no_sweeps(sweeps: Path) -> None:
    assert offered("vggsweep predict mine/b") == ["mine/best"]
    assert offered("vggsweep predict mine/2 ") == []
    assert offered("vggsweep predict --top 3 mi") == ["mine", "mine/"]
    assert offered("vggsweep predict --json mine/2 boot.jpg m") == []
    assert offered("vggsweep compare mine o") == ["other", "other/"]


def test_completing_imports_neither_hydra_nor_a_verb() -> None:
    code = (
        "import sys, os; os.environ['COMP_LINE'] = 'vggsweep experiment=d2l_vgg optimizer.l'\n"
        "sys.argv = ['vggsweep', '-sc', 'query=bash']\n"
        "from vggsweep.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=100
    )
    said, loaded = done.stdout.splitlines()
    assert said == "optimizer.lr="
    # whatever a site's own .pth files load is not ours
    assert {"vggsweep", "yaml"} <= set(loaded.split())
    assert not {"hydra", "omegaconf", "torch", "numpy", "pandas", "rich", "optuna"} & set(loaded.split())


def test_completing_takes_less_than_three_tenths_of_a_second_of_the_processor() -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "vggsweep", "-sc", "query=bash"],
        env={"COMP_LINE": "vggsweep arch.de", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=100,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3
