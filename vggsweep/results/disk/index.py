"""``.table-index.json``: the rows of a sweep's records, so that ten thousand files need not be read again.

    line 1   what wrote it, and the checksum of line 2
    line 2   {"names": [column…], "trials": {"00007": [mtime_ns, ctime_ns, bytes, [value…]]…}}

The records remain the truth. An entry counts only while its record's times and size are those of the entry;
an index that is missing, damaged or of another version is as good as none; it may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vggsweep.errors import WriteFailed
from vggsweep.files import write_atomically
from vggsweep.results.disk.record import SCHEMA_VERSION
from vggsweep.results.plain import union_of_names

INDEX_NAME = ".table-index.json"
# Raise it when the same record yields another row.
INDEX_VERSION = 4

# mtime_ns, ctime_ns, bytes. The change time too, as `touch -r` and `rsync -t` set the modification time back.
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Entry:
    """The row of one record.

    Args:
        stamp: of the record's file, taken before it was read.
        row: values under the column names; without the directory, which moves with the sweep.
    """

    stamp: Stamp
    row: dict[str, Any]


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells a record's file from an earlier one."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def read_index(sweep: Path, columns: tuple[str, ...]) -> dict[str, Entry]:
    """Entries by the name of the trial's directory; none when there is no index of this version.

    Args:
        sweep: the sweep's directory.
        columns: those that every row has; an index of others is of another version.
    """
    try:
        head, body, _ = (sweep / INDEX_NAME).read_bytes().split(b"\n")
        if json.loads(head) != _head(columns, body):
            return {}
        content = json.loads(body)
        return {
            trial: Entry((mtime, ctime, size), _row(columns, content["names"], values))
            for trial, (mtime, ctime, size, values) in content["trials"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _row(columns: tuple[str, ...], further: list[str], values: list[Any]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(columns, values, strict=False))
    # None may be another trial's swept parameter
    row |= {n: value for n, value in zip(further, values[len(columns) :], strict=True) if value is not None}
    return row


def write_index(sweep: Path, columns: tuple[str, ...], entries: Mapping[str, Entry]) -> None:
    """Replace the index whole; a directory that cannot be written to stays without.

    Not synced to the disk: what a power cut tears is noticed by its checksum and made anew.
    """
    names = union_of_names([dict.fromkeys(columns), *(entry.row for entry in entries.values())])
    trials = {
        trial: [*entry.stamp, [entry.row.get(name) for name in names]] for trial, entry in entries.items()
    }
    body = json.dumps({"names": names[len(columns) :], "trials": trials}, separators=(",", ":")).encode()
    head = json.dumps(_head(columns, body)).encode()
    with suppress(WriteFailed):  # read-only, or full
        write_atomically(sweep / INDEX_NAME, b"%b\n%b\n" % (head, body), is_durable=False)


def _head(columns: tuple[str, ...], body: bytes) -> dict[str, Any]:
    return {
        "index_version": INDEX_VERSION,
        "schema_version": SCHEMA_VERSION,
        "columns": list(columns),
        "crc32": zlib.crc32(body),
    }
