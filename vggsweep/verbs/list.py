"""``vggsweep list [GROUP]``: config groups, the options of one, or the sweeps that there are."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from vggsweep.configuration.compose import group_options, search_places
from vggsweep.configuration.tree import ConfigTree, first_comment, first_sentence, tree_of
from vggsweep.errors import ConfigError, RecordError, near_match
from vggsweep.results.disk.best import ranked_configurations
from vggsweep.results.disk.layout import OUTPUTS, SweepDirectory, existing_sweeps, sweep_directory
from vggsweep.results.disk.sweep_file import SavedSpec, read_saved_spec
from vggsweep.results.plain import PlainTable, is_number
from vggsweep.results.tables.table import read_rows
from vggsweep.results.tables.terminal import output_console, print_table
from vggsweep.sweep.storage.file_lock import is_owned
from vggsweep.sweep.workers.slot import any_slot_taken
from vggsweep.visible import show

HELP = "what can be chosen: config groups, their options with a line each; or the sweeps that there are"
EXAMPLE = """\
examples:
  vggsweep list                     every group
  vggsweep list dataset             its options, a line each
  vggsweep list arch --config-dir my_configs
  vggsweep list sweeps              what lies under outputs/: trials, state, best val_acc
"""
SWEEPS = "sweeps"
FILE_WIDTH = 200
# Of options that come with no file of ours.
NO_COMMENT = "comes with Hydra or a plugin"
GROUPS = {
    "arch": "the family of networks, or a net of the paper",
    "augment": "what happens to training images",
    "budget": "a cost that every compared network must meet",
    "contender": "one side of a comparison of the paper",
    "dataset": "the images",
    "experiment": "a whole question: several groups and fields at once",
    "head": "what turns features into class scores",
    "hydra/launcher": "where the workers of a sweep run",
    "hydra/sweeper": "who runs a sweep",
    "hydra/sweeper/sampler": "who suggests the next configuration of a sweep",
    "logger": "where else results are told",
    "loss": "what is minimised",
    "measure": "inference speed and memory, after training",
    "objective": "what a sweep optimises",
    "optimizer": "how weights are moved",
    "pruner": "which trials end early",
    "scheduler": "how the learning rate changes",
    "space": "what a sweep varies",
    "train": "the training loop",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("group", nargs="?", metavar="GROUP", help=f"a config group, or {SWEEPS}")
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="directory with your own options")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    if arguments.group == SWEEPS:
        _print_sweeps(as_json=arguments.json)
        return 0
    tree = tree_of(search_places(arguments.config_dir))
    found = _groups(tree)
    if arguments.group is not None:
        group = arguments.group.rstrip("=/")
        found = options_of(group, tree)
        if not found:
            raise ConfigError(f"{group!r} is no config group. {near_match(group, [*_groups(tree), SWEEPS])}")
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    width = max(map(len, found))
    for name, text in found.items():
        show(f"{name:{width}}  {text}".rstrip())
    if arguments.group is None:
        show(f"\n`vggsweep list GROUP` lists the options of one; `vggsweep list {SWEEPS}` your sweeps.")
    return 0


def options_of(group: str, tree: ConfigTree) -> dict[str, str]:
    """The options of a group with the first sentence of each; empty where there is no such group."""
    files = tree.options(group)
    names = sorted({*files, *(group_options(group) if group.startswith("hydra/") else ())})
    return {
        name: first_sentence(first_comment(files[name])) if name in files else NO_COMMENT for name in names
    }


def _groups(tree: ConfigTree) -> dict[str, str]:
    return {name: GROUPS.get(name) or ", ".join(tree.options(name)) for name in tree.groups()}


def _print_sweeps(*, as_json: bool) -> None:
    rows = [sweep_row(sweep_directory(name)) for name in existing_sweeps()]
    rows.sort(key=lambda row: str(row["last"] or ""), reverse=True)
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        show(f"No sweep under {OUTPUTS.resolve()}. Train something first: vggsweep")
    else:
        names = tuple(rows[0])
        print_table(PlainTable(names, rows), output_console(FILE_WIDTH), chosen=names)


def sweep_row(directory: SweepDirectory) -> dict[str, Any]:
    """A sweep in a line: how many trials, what state it is in, its best accuracy, when it last ended one."""
    rows = read_rows(directory.path)
    saved, kind = None, "runs"
    with suppress(RecordError):
        kind = "sweep" if directory.settings.exists() else "runs"
        saved = read_saved_spec(directory.settings)
    counts = Counter(str(row["state"]) for row in rows)
    accuracy, seeds = _best(directory, rows, saved)
    return {
        "sweep": directory.name,
        "kind": kind,
        "state": _state(directory, rows, saved),
        "trials": len(rows),
        "of": _total(saved),
        "failed": counts["FAIL"] or None,
        "best_val_acc": accuracy,
        "seeds": seeds,
        "last": max((str(row["ended"]) for row in rows if row.get("ended")), default=None),
    }


def _best(
    directory: SweepDirectory, rows: Sequence[Mapping[str, Any]], saved: SavedSpec | None
) -> tuple[float | None, int | None]:
    """`val_acc` of the best configuration, and of how many seeds it is the mean."""
    complete = [row for row in rows if row["state"] == "COMPLETE" and is_number(row["val_acc"])]
    # without replicates the rows, which an index keeps, say it all
    is_usual = saved is None or (saved.fair is None and saved.accuracy == "val_acc")
    if len({row["seed"] for row in complete}) > 1 or not is_usual:
        best = next(iter(ranked_configurations(directory)), None)
        return (best.val_acc, best.seeds) if best is not None else (None, None)
    return max((row["val_acc"] for row in complete), default=None), 1 if complete else None


def _state(directory: SweepDirectory, rows: Sequence[Mapping[str, Any]], saved: SavedSpec | None) -> str:
    if any_slot_taken(directory) or any(is_owned(lock) for lock in directory.trials.glob("*/trial.lock")):
        return "running"
    if set(directory.begun_trials()) - {row["trial"] for row in rows}:
        return "interrupted"
    if saved is None:
        return "done"
    with suppress(OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return str(yaml.safe_load(directory.best.read_text(encoding="utf-8"))["ended"])
    return "interrupted"


def _total(saved: SavedSpec | None) -> int | None:
    if saved is None:
        return None
    if saved.space_size is None:
        return saved.n_trials
    return min(saved.n_trials, saved.space_size * saved.replicates)
