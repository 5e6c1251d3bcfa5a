"""Every notebook runs from its first cell to its last, on a sweep that was really trained."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
MINI = ["dataset=fashion_mnist_mini", "dataset.limit=256", "train.threads=1", "device=cpu"]
# In place of what a notebook's cell of parameters (tagged as papermill's is) sets: the same, in seconds.
SMALL: dict[str, dict[str, Any]] = {
    "01_the_chapter": {
        "EPOCHS": 1,
        "WORDS": [*MINI, "dataset.resolution=32", "head=gap"],
        "FAMILY": [*MINI, "arch.num_blocks=2", "train.epochs=1"],
    },
    "02_depth_versus_width": {
        "SWEEP": str(NOTEBOOKS.parent / "outputs" / "reference" / "fashion_1M" / "sweep.tar.xz")
    },
}


def run(notebook: Path) -> list[Any]:
    """What the last expression of each code cell gives."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}
    given = []
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        if "parameters" in cell["metadata"].get("tags", ()):
            names |= SMALL[notebook.stem]
            continue
        lines = [line for line in cell["source"] if not line.startswith("%")]  # IPython's own words
        body = ast.parse("".join(lines)).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, type_ignores=[]), str(notebook), "exec"), names)
        if isinstance(last, ast.Expr):
            given.append(eval(compile(ast.Expression(last.value), str(notebook), "eval"), names))
    return given


@pytest.mark.parametrize(
    "notebook",
    [
        # the longest; each of its calls has tests of its own
        pytest.param(path, marks=pytest.mark.slow) if path.stem == "sweep_from_python" else path
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    ],
    ids=lambda path: path.stem,
)
def test_notebook_runs_to_its_end(
    notebook: Path, quickstart: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "notebooks").mkdir()
    monkeypatch.chdir(own_folder / "notebooks")

    given = run(notebook)

    assert sum(isinstance(value, Figure) for value in given) >= 3
    assert len(given[0]) > 1, "a table"


def test_notebooks_show_what_they_give_and_no_error() -> None:
    notebooks = sorted(NOTEBOOKS.glob("*.ipynb"))

    assert notebooks
    for notebook in notebooks:
        cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
        kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
        assert "execute_result" in kinds, notebook.name
        assert "error" not in kinds, notebook.name
