"""The index: it never changes what the table says, and nothing that happens to it matters."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.results.columns import COLUMNS
from vggsweep.results.disk.index import INDEX_NAME, read_index
from vggsweep.results.tables import table as table_module
from vggsweep.results.tables.table import load_plain

Write = Callable[..., Path]


@pytest.fixture
def sweep(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three trials whose swept parameters differ, and an index as soon as one record was read."""
    monkeypatch.setattr(table_module, "INDEX_FROM", 1)
    path = tmp_path / "mine"
    write(path, 0, swept={"b": 1})
    write(path, 1, swept={"a": None, "c": [1, 2]})
    write(path, 2, state="FAIL", reason="NaN", metrics={}, swept={"a": 2.5})
    return path


def rows_of(path: Path) -> tuple[tuple[str, ...], list[dict[str, object]]]:
    table = load_plain([path])
    return table.names, [{name: row.get(name) for name in table.names} for row in table.rows]


def test_indexed_table_is_the_table(sweep: Path) -> None:
    cold = rows_of(sweep)

    assert set(read_index(sweep, tuple(COLUMNS))) == {"00000", "00001", "00002"}
    assert rows_of(sweep) == cold


def test_indexed_table_reads_no_record(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = rows_of(sweep)

    def refuse(path: Path) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(table_module, "read_record", refuse)
    assert rows_of(sweep) == cold


def test_changed_new_and_removed_records_count_at_once(sweep: Path, write: Write) -> None:
    load_plain([sweep])
    path = sweep / "trials" / "00000" / "record.json"
    path.write_text(path.read_text().replace("0.79", "0.99"))
    write(sweep, 7)
    shutil.rmtree(sweep / "trials" / "00001")

    table = load_plain([sweep])

    assert table.column("trial") == [0, 2, 7]
    assert table.column("val_acc") == [0.99, None, 0.79]


def test_edit_that_keeps_size_and_modification_time_is_noticed(sweep: Path) -> None:
    load_plain([sweep])
    path = sweep / "trials" / "00000" / "record.json"
    before = path.stat()
    path.write_text(path.read_text().replace("0.79", "0.99"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert load_plain([sweep]).rows[0]["val_acc"] == 0.99


def test_record_that_becomes_damaged_is_listed_as_such_and_never_indexed(sweep: Path) -> None:
    load_plain([sweep])
    (sweep / "trials" / "00000" / "record.json").write_text("{")

    assert load_plain([sweep]).column("state") == ["DAMAGED", "COMPLETE", "FAIL"]
    assert load_plain([sweep]).column("state") == ["DAMAGED", "COMPLETE", "FAIL"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole.replace(b"0.79", b"0.97"),
        lambda whole: whole.replace(b'"index_version": 4', b'"index_version": 0'),
        lambda whole: b"[]\n[]\n",
        lambda whole: b"\xff\xfe\n\n",
        lambda whole: b"[" * 100_000,
    ],
    ids=["empty", "torn", "flipped", "other version", "other shape", "no text", "nested"],
)
def test_damaged_index_is_ignored_and_made_anew(sweep: Path, damage: Callable[[bytes], bytes]) -> None:
    cold = rows_of(sweep)
    whole = (sweep / INDEX_NAME).read_bytes()
    (sweep / INDEX_NAME).write_bytes(damage(whole))

    assert read_index(sweep, tuple(COLUMNS)) == {}
    assert rows_of(sweep) == cold
    assert (sweep / INDEX_NAME).read_bytes() == whole


def test_index_of_other_columns_is_ignored(sweep: Path) -> None:
    load_plain([sweep])

    assert read_index(sweep, tuple(COLUMNS)[:-1]) == {}


def test_place_that_takes_no_file_is_tolerated(sweep: Path) -> None:
    # root may write into read-only directories, but nobody replaces a folder by a file
    (sweep / INDEX_NAME / "x").mkdir(parents=True)

    assert load_plain([sweep]).column("trial") == [0, 1, 2]
    assert [path.name for path in sweep.iterdir() if path.name.endswith(".tmp")] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_directory_is_tolerated(sweep: Path) -> None:
    sweep.chmod(0o555)
    try:
        assert load_plain([sweep]).column("trial") == [0, 1, 2]
    finally:
        sweep.chmod(0o755)


def test_moved_sweep_shows_where_it_is_now(sweep: Path, tmp_path: Path) -> None:
    load_plain([sweep])
    moved = sweep.rename(tmp_path / "elsewhere")

    assert load_plain([moved]).rows[0]["dir"] == str(moved / "trials" / "00000")


def test_small_sweep_gets_no_index(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0)
    load_plain([tmp_path / "mine"])

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["trials"]


def test_index_is_not_written_again_for_a_few_new_records(
    sweep: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_plain([sweep])
    before = (sweep / INDEX_NAME).read_bytes()
    monkeypatch.setattr(table_module, "INDEX_FROM", 2)
    write(sweep, 8)

    assert load_plain([sweep]).column("trial") == [0, 1, 2, 8]
    assert (sweep / INDEX_NAME).read_bytes() == before
    assert json.loads(before.splitlines()[0])["index_version"] == 4
