"""How long two workers stand idle when one trial takes up to ten times as long as another.

    python benchmarks/idle_share.py [--trials 40] [--unit 0.5] [--json FILE]

Trials sleep, so that the machine's cores decide nothing. ``vggsweep`` is our sweeper with two workers,
``stock`` is hydra-optuna-sweeper with its batches of two through joblib. Both draw lengths of 1 to 10
units at random. Idle is what two workers did not sleep between the first start and the last end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import add_json_option, facts, write_json

SPANS = "IDLE_SHARE_SPANS"
UNIT = "IDLE_SHARE_UNIT"
WORKERS = 2


def sleep_as_training(length: int) -> None:
    """What a trial does here; its span goes into the file of its process."""
    began = time.time()
    time.sleep(length * float(os.environ[UNIT]))
    with (Path(os.environ[SPANS]) / f"{os.getpid()}.txt").open("a") as file:
        file.write(f"{began} {time.time()}\n")


def sleepy_hook(trial: object) -> dict[str, object]:
    """A ``space.hook``: workers import this module, and from then on their trials sleep."""
    from vggsweep.results.disk.record import Record, write_record
    from vggsweep.sweep.workers import worker

    def run_trial(spec: object, **_: object) -> Record:
        length = int(spec.swept["arch.width"])  # type: ignore[attr-defined]
        spec.directory.config.touch()  # type: ignore[attr-defined]
        sleep_as_training(length % 10 + 1)
        record = Record(
            sweep=spec.sweep,  # type: ignore[attr-defined]
            trial=spec.number,  # type: ignore[attr-defined]
            state="COMPLETE",
            reason=None,
            configuration_hash="",
            configuration=spec.plain,  # type: ignore[attr-defined]
            metrics={"val_acc": 0.5},
        )
        write_record(record, spec.directory.path)  # type: ignore[attr-defined]
        return record

    worker.run_trial = run_trial  # type: ignore[assignment]
    return {}


STOCK_APP = """
import hydra
from idle_share import sleep_as_training

@hydra.main(config_path=None, config_name="app", version_base=None)
def app(config):
    sleep_as_training(config.width % 10 + 1)
    return 0.5

from hydra.core.config_store import ConfigStore
ConfigStore.instance().store("app", {"width": 1})
app()
"""


def measure(words: list[str], folder: Path, unit: float) -> tuple[float, int]:
    """Idle share and number of trials of one command."""
    spans = folder / "spans"
    spans.mkdir()
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, SPANS: str(spans), UNIT: str(unit), "PYTHONPATH": path}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    lines = [line.split() for file in spans.glob("*.txt") for line in file.read_text().splitlines()]
    begins, ends = ([float(line[column]) for line in lines] for column in (0, 1))
    busy = sum(ends) - sum(begins)
    return 1 - busy / (WORKERS * (max(ends) - min(begins))), len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--unit", type=float, default=0.5, help="seconds that the shortest trial takes")
    add_json_option(parser)
    options = parser.parse_args()
    result: dict[str, object] = {"facts": facts(), "unit_seconds": options.unit}
    print(f"{'contender':10} {'idle':>7} {'trials':>7}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vggsweep").mkdir()
        ours = [sys.executable, "-m", "vggsweep", "-m", f"n_workers={WORKERS}", f"n_trials={options.trials}"]
        ours += ["arch.width=range(10,10010)", "hydra/sweeper/sampler=random", "measure=none"]
        ours += ["space.hook=idle_share.sleepy_hook", "sweep.name=idle"]
        idle, count = measure(ours, folder / "vggsweep", options.unit)
        result["vggsweep"] = {"idle": idle, "trials": count}
        print(f"{'vggsweep':10} {idle:7.1%} {count:7}", flush=True)
        (folder / "stock").mkdir()
        (folder / "stock" / "app.py").write_text(STOCK_APP)
        stock = [sys.executable, "app.py", "-m", "hydra/sweeper=optuna", "hydra/launcher=joblib"]
        stock += [f"hydra.launcher.n_jobs={WORKERS}", f"hydra.sweeper.n_jobs={WORKERS}"]
        stock += [f"hydra.sweeper.n_trials={options.trials}", "hydra/sweeper/sampler=random"]
        stock += ["width=range(10,10010)"]
        idle, count = measure(stock, folder / "stock", options.unit)
        result["stock"] = {"idle": idle, "trials": count}
        print(f"{'stock':10} {idle:7.1%} {count:7}", flush=True)
    write_json(options.json, result)


if __name__ == "__main__":
    main()
