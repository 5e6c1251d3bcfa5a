"""The GPU suite runs as a whole on a CPU, as far as a CPU goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vggsweep.arch.counting import count_costs
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration, resolved

CHECKOUT = Path(__file__).parents[2]
FIGURES = {
    "peaks",
    "chapter's net, 32 px",
    "lean net, 32 px",
    "vgg16",
    "workers",
    "chapter",
    "fast_fashion",
    "equal",
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_suite_gives_every_figure_on_a_cpu(own_folder: Path) -> None:
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "gpu_suite.py"), "--device", "cpu", "--quick"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [*command, "--json", "result.json"], env=environment, capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stdout + done.stderr
    measured = json.loads((own_folder / "result.json").read_text())["measured"]
    assert measured.keys() >= FIGURES
    assert all(check["holds"] for check in measured["equal"].values())


def test_the_suite_imports_nothing_that_a_bare_machine_lacks() -> None:
    """It is carried to machines without a network, where only torch and torchvision are installed."""
    code = "import sys; sys.path.insert(0, 'benchmarks'); import gpu_suite; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert not {"hydra", "omegaconf", "optuna", "rich", "pandas", "psutil"} & set(done.stdout.split())


def test_its_fast_recipe_is_the_experiment_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    import gpu_suite

    said = read_configuration(resolved(compose(["experiment=fast_fashion"])))

    training = gpu_suite.start_recipe(
        gpu_suite.RECIPE, gpu_suite.read_split(None).train, 1, torch.device("cpu")
    )
    costs = configured_network(said).costs
    assert count_costs(training.network, said.dataset.channels, said.dataset.resolution) == costs
    assert said.dataset.resolution == gpu_suite.RECIPE.resolution
    assert (said.dataset.mean, said.dataset.std) == gpu_suite.FASHION_MEAN_STD
    assert said.augment.flip == gpu_suite.RECIPE.flip
    assert not said.augment.crop_padding
    assert training.schedule == said.scheduler
    assert training.base_lr == said.optimizer.lr
    for name in ("epochs", "batch_size", "label_smoothing", "ema", "clip_grad_norm"):
        assert getattr(training.settings, name) == getattr(said.train, name), name
    (decayed, rest) = training.optimizer.param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (said.optimizer.weight_decay, 0.0)
    assert decayed["nesterov"] and decayed["momentum"] == 0.9
