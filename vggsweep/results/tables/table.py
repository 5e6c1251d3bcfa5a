"""The results table: one row a record, columns in one fixed order.

load_plain   plain rows, for the command
load_sweep   the same as a pandas DataFrame, for people's own analysis
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vggsweep.data.settings import PUBLISHED
from vggsweep.errors import RecordError
from vggsweep.identity import Identity
from vggsweep.results.columns import COLUMNS, PARAMETERS, SOURCES
from vggsweep.results.disk.index import Entry, read_index, stamp_of, write_index
from vggsweep.results.disk.layout import find_sweep
from vggsweep.results.disk.record import Record, by_node, read_record, value_at
from vggsweep.results.disk.study_file import check_place, known_identities
from vggsweep.results.dominance import front_flags
from vggsweep.results.plain import PlainTable, union_of_names
from vggsweep.results.tables.chance import is_at_chance
from vggsweep.results.tables.held_out import opened_accuracies, select_allowed

if TYPE_CHECKING:
    import pandas as pd

# Fields of ``dataset`` that decide which images validate.
DECIDES_IMAGES = ("name", "validation", "val_fraction", "split_seed", "limit")
# Where columns stand in a record, from the last resort to the place that counts.
PLACES = [
    by_node((column, paths[rank]) for column, paths in SOURCES.items() if rank < len(paths))
    for rank in reversed(range(max(map(len, SOURCES.values()))))
]
# Columns that stand even in a table where no row has a value.
KEYS = tuple(name for name, column in COLUMNS.items() if column.is_key)
# The state of a row whose record cannot be read; `reason` says why.
DAMAGED = "DAMAGED"
# So many records that are not in the index make it worth writing anew; fewer are read as fast as it is.
INDEX_FROM = 100


def trial_directories(sweep: Path) -> list[Path]:
    """The trial directories of a sweep in the order of their numbers."""
    trials = sweep / "trials"
    return [trials / name for name in _trial_names(trials)]


def _trial_names(trials: Path) -> list[str]:
    # No Path object and no system call for each of ten thousand.
    try:
        with os.scandir(trials) as entries:
            names = [entry.name for entry in entries if entry.name.isdecimal() and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(names, key=int)


def read_records(sweep: Path) -> tuple[list[tuple[Path, Record]], list[RecordError]]:
    """Every record of a sweep with its directory, and why the others could not be read.

    A directory without a record belongs to a trial that is running or was interrupted; it is no error.
    """
    records, errors = [], []
    for directory in trial_directories(sweep):
        if not (directory / "record.json").exists():
            continue
        try:
            records.append((directory, read_record(directory)))
        except RecordError as error:
            errors.append(error)
    return records, errors


def row(record: Record, directory: Path) -> dict[str, Any]:
    """One record under the column names of the table; missing values are None."""
    nodes = vars(record)
    chosen: dict[str, Any] = dict.fromkeys(COLUMNS)
    for places in PLACES:
        for path, names in places.items():
            node = value_at(nodes, path)
            if isinstance(node, dict):
                for column, name in names:
                    value = node.get(name)
                    if value is not None and value == value:  # an edited record may say NaN
                        chosen[column] = value
    images, at_chance = validation_images_id(record), is_at_chance(record)
    chosen |= {"images": images, "at_chance": at_chance, "dir": str(directory)}
    for name, value in record.swept.items():
        if name not in chosen and name not in PARAMETERS and value is not None and value == value:
            chosen[name] = value
    return chosen


def validation_images_id(record: Record) -> str:
    """Eight digits that are equal where accuracies were counted on the same validation images."""
    node = record.configuration.get("dataset")
    dataset = node if isinstance(node, Mapping) else {}
    facts = [str(dataset.get(name)) for name in DECIDES_IMAGES]
    if dataset.get("validation") == "test":
        facts[DECIDES_IMAGES.index("val_fraction")] = "none"  # no part of the training images validates
    if facts[0] not in PUBLISHED:  # of a published set the name says which images there are
        facts.append(record.data_fingerprint or "unknown")
    return _eight_digits("\0".join(facts))


@lru_cache(4096)  # the trials of a sweep share their images
def _eight_digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def damaged_row(sweep: Path, directory: str, error: RecordError | str) -> dict[str, Any]:
    """The row of a record that cannot be read: where it is, and why."""
    number = int(os.path.basename(directory))  # noqa: PTH119
    known = {"sweep": sweep.name, "trial": number, "state": DAMAGED, "dir": directory, "reason": str(error)}
    return dict.fromkeys(COLUMNS) | known


def read_rows(sweep: Path, *, keeps_index: bool = True) -> list[dict[str, Any]]:
    """One row for each record of a sweep, in the order of trial numbers; from the index where it holds.

    What the test set said after the training comes on top, from the log of its openings.

    A directory without a record belongs to a trial that is running or was interrupted; it has no row.

    Args:
        sweep: the sweep's directory.
        keeps_index: whether an index that lacks many rows is written anew; otherwise nothing is written.
    """
    columns = tuple(COLUMNS)
    index = read_index(sweep, columns)
    trials = sweep / "trials"
    known: dict[int, Identity] | None = None
    rows: list[dict[str, Any]] = []
    entries: dict[str, Entry] = {}
    unindexed = 0
    for name in _trial_names(trials):
        directory = f"{trials}/{name}"
        file = f"{directory}/record.json"
        try:
            stamp = stamp_of(os.stat(file))
            entry = index.get(name)
            if entry is None or entry.stamp != stamp:
                known = known_identities(sweep / "study.db") if known is None else known
                record = read_record(Path(file))
                check_place(record, int(name), known.get(int(name)), file)
                entry = Entry(stamp, row(record, trials) | {"dir": None})
                unindexed += 1
        except FileNotFoundError:
            continue
        except (OSError, RecordError) as error:
            reason = error if isinstance(error, RecordError) else f"{file} cannot be read: {error}."
            rows.append(damaged_row(sweep, directory, reason))
            continue
        entries[name] = entry
        rows.append({**entry.row, "dir": directory})
    if keeps_index and unindexed >= INDEX_FROM:
        write_index(sweep, columns, entries)
    opened = opened_accuracies(sweep)
    for found in rows:
        if found["test_acc"] is None and found["trial"] in opened:
            found["test_acc"] = opened[found["trial"]]
    return rows


def load_plain(sweeps: Iterable[Path], *, keeps_index: bool = True) -> PlainTable:
    """The table over one or several sweep directories, every column named even where it applies to no row.

    The ``pareto`` column says which rows lie on the front of validation accuracy against MACs, among those
    with the same validation images. A damaged
    record has a row whose state is DAMAGED, and its ``reason``. ``keeps_index`` is that of `read_rows`.
    """
    rows = [values for sweep in sweeps for values in read_rows(sweep, keeps_index=keeps_index)]
    for values, is_front in zip(rows, front_flags(rows), strict=True):
        values["pareto"] = is_front
    return PlainTable(union_of_names(rows) or tuple(COLUMNS), rows)


def without_empty(table: PlainTable, kept: Iterable[str] = KEYS) -> PlainTable:
    """The table without the columns that apply to no row, the key columns excepted."""
    filled = {name for name in table.names if any(values.get(name) is not None for values in table.rows)}
    filled.update(kept)
    return PlainTable(tuple(name for name in table.names if name in filled), table.rows)


def damages(table: PlainTable) -> list[RecordError]:
    """Why records could not be read."""
    return [RecordError(values["reason"]) for values in table.rows if values.get("state") == DAMAGED]


def make_frame(table: PlainTable) -> pd.DataFrame:
    """A table as a data frame whose counts stay whole numbers where a row lacks one."""
    import pandas as pd

    frame = {}
    for name in table.names:
        values = table.column(name)
        frame[name] = pd.Series(values, dtype=None if values else object)
        if name in COLUMNS and COLUMNS[name].holds == "count":
            # an edited record may hold anything
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                frame[name] = pd.Series(pd.array(values, dtype="Int64"))
    return pd.DataFrame(frame, columns=list(table.names))


def load_sweep(*sweeps: str | Path | Iterable[str | Path], where: str | None = None) -> pd.DataFrame:
    """The results of one or several sweeps, whatever state they are in.

    Args:
        sweeps: directories, or names under ``outputs/``, or lists of these; none for the newest.
        where: only rows for which this condition is true, as in ``vggsweep table --where``.

    Returns:
        One row a trial that has a record, with the columns of ``vggsweep table``. A record that cannot be
        read has the state DAMAGED and its ``reason``; ``pareto`` marks the front of ``val_acc`` against
        ``macs`` over all rows that were loaded.

    Raises:
        ConfigError: there is no such sweep, or the condition cannot be understood or chooses by the test set.
    """
    words: list[str | Path] = []
    for sweep in sweeps:
        words += [sweep] if isinstance(sweep, str | Path) else list(sweep)
    found = [find_sweep(str(word)) for word in words] if sweeps else [find_sweep(None)]
    table = load_plain(dict.fromkeys(sweep.path for sweep in found))
    if where is not None:
        table = select_allowed(table, where, found)
    return make_frame(without_empty(table))
