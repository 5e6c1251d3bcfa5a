"""What SECURITY.md promises of the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import vggsweep

PACKAGE = Path(vggsweep.__file__).parent
# CIFAR's, guarded by checksum and allow-list; a worker's, through the pipe of its supervisor.
PICKLES = {"data/cifar.py", "sweep/workers/process.py", "sweep/workers/supervisor.py"}


def calls() -> Iterator[tuple[str, str, dict[str, ast.expr]]]:
    """Every call of the package: its file, the dotted name that is called, its keywords."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
                yield path.relative_to(PACKAGE).as_posix(), ast.unparse(node.func), keywords


def test_nothing_is_evaluated_and_no_shell_is_asked() -> None:
    for file, name, keywords in calls():
        assert name not in ("eval", "exec", "os.system", "os.popen"), file
        assert "shell" not in keywords, file


def test_files_are_read_by_readers_that_run_nothing() -> None:
    for file, name, keywords in calls():
        if name == "torch.load":
            assert ast.literal_eval(keywords["weights_only"]) is True, file
        if name == "np.load" and "allow_pickle" in keywords:
            assert ast.literal_eval(keywords["allow_pickle"]) is False, file
        if name.startswith("pickle.") and name != "pickle.dumps":  # which runs nothing
            assert file in PICKLES, file
        assert name not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"), file


def test_only_the_sampler_is_instantiated_and_under_an_allow_list() -> None:
    found = {
        (file, "_execution_whitelist_" in keywords)
        for file, name, keywords in calls()
        if name == "instantiate"
    }
    assert found == {("sweep/spec/samplers.py", True)}
