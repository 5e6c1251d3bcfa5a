"""``record.json``: whole or not at all, read back as written, and refused with a reason."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vggsweep.errors import RecordError
from vggsweep.files import write_atomically
from vggsweep.results.disk.record import NUMBERS, Record, read_record, write_record

Build = Callable[..., Record]
spawn = multiprocessing.get_context("spawn")


def test_record_comes_back_as_it_was_written(record: Build, tmp_path: Path) -> None:
    written = record(state="FAIL", reason="The loss became NaN — “oh”.")

    path = write_record(written, tmp_path)

    assert path == tmp_path / "record.json"
    assert read_record(tmp_path) == read_record(path) == written


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
# names of which a record knows that a number belongs there have tests of their own
KNOWN = {"seed", "optimizer", "train", *(path[-1] for path in NUMBERS)}
VALUES = st.dictionaries(
    st.text().filter(lambda name: name not in KNOWN),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metrics=VALUES, configuration=VALUES, overrides=st.lists(st.text()), trial=st.integers(0, 10**9))
def test_any_values_come_back(
    record: Build,
    tmp_path: Path,
    metrics: dict[str, Any],
    configuration: dict[str, Any],
    overrides: list[str],
    trial: int,
) -> None:
    written = record(metrics=metrics, configuration=configuration, overrides=tuple(overrides), trial=trial)

    write_record(written, tmp_path)

    assert read_record(tmp_path) == written


def test_nan_and_infinity_become_null_so_that_any_json_reader_can_read_it(
    record: Build, tmp_path: Path
) -> None:
    path = write_record(record(metrics={"val_loss": math.nan, "losses": [1.0, math.inf]}), tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    plain = json.loads(path.read_text(), parse_constant=refuse)
    assert plain["metrics"] == {"val_loss": None, "losses": [1.0, None]}


def test_failed_write_leaves_the_old_record(record: Build, tmp_path: Path) -> None:
    write_record(record(), tmp_path)

    with pytest.raises(TypeError):
        write_record(record(metrics={"val_acc": object()}), tmp_path)

    assert read_record(tmp_path) == record()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def rewrite_for_ever(path: Path) -> None:
    number = 0
    while True:
        number += 1
        write_atomically(path, json.dumps([number] * 20_000))


def test_reader_never_sees_half_a_file_even_when_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    writer = spawn.Process(target=rewrite_for_ever, args=(path,), daemon=True)
    writer.start()
    try:
        deadline = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        seen = set()
        for _ in range(200):
            numbers = json.loads(path.read_text())
            assert len(numbers) == 20_000
            assert len(set(numbers)) == 1
            seen.add(numbers[0])
        assert len(seen) > 1, "the writer was writing meanwhile"
    finally:
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()

    assert len(set(json.loads(path.read_text()))) == 1


def test_extra_and_edited_values_are_accepted(record: Build, tmp_path: Path) -> None:
    path = write_record(record(), tmp_path)
    plain = json.loads(path.read_text())
    plain["comment"] = "best so far"
    plain["metrics"]["val_acc"] = 0.91
    plain["metrics"]["f1"] = 0.9
    path.write_text(json.dumps(plain))

    found = read_record(tmp_path)

    assert found.metrics["val_acc"] == 0.91
    assert found.metrics["f1"] == 0.9
    assert replace(found, metrics=record().metrics) == record()


def test_optional_parts_may_be_missing(record: Build, tmp_path: Path) -> None:
    path = write_record(record(), tmp_path)
    plain = json.loads(path.read_text())
    needed = ("schema_version", "sweep", "trial", "state", "configuration_hash", "configuration")
    path.write_text(json.dumps({name: plain[name] for name in needed}))

    found = read_record(tmp_path)

    assert (found.reason, found.metrics, found.overrides, found.notes) == (None, {}, (), ())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "cannot be read"),
        (b'{"schema_version": 1, "sweep": "mi', "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[1, 2]", "holds no record"),
        (b"null", "holds no record"),
        (b"{}", "has schema_version None; this vggsweep reads 1"),
        (b'{"schema_version": 2}', "has schema_version 2; this vggsweep reads 1"),
        (b'{"schema_version": "1"}', "has schema_version '1'"),
        (b'{"schema_version": 1}', "lacks 'sweep'"),
    ],
)
def test_damaged_files_are_refused_with_the_reason(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "record.json").write_bytes(content)

    with pytest.raises(RecordError) as refusal:
        read_record(tmp_path)

    assert told in str(refusal.value)
    assert "record.json" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("sweep", 3, "sweep is 3, not str"),
        ("trial", "7", "trial is '7', not int"),
        ("trial", 7.5, "trial is 7.5, not int"),
        ("trial", True, "trial is True, not int"),
        ("state", None, "state is None, not str"),
        ("state", "DONE", "state is 'DONE'; it should be one of COMPLETE, PRUNED, FAIL"),
        ("configuration_hash", 0, "configuration_hash is 0, not str"),
        ("configuration", [], "configuration is [], not dict"),
        ("reason", 3, "reason is 3, not str"),
        ("overrides", "x", "overrides is 'x', not list"),
        ("metrics", [], "metrics is [], not dict"),
        ("costs", None, "costs is None, not dict"),
        ("swept", "x", "swept is 'x', not dict"),
    ],
)
def test_wrong_types_and_states_are_refused_with_the_field(
    record: Build, tmp_path: Path, name: str, value: Any, told: str
) -> None:
    path = write_record(record(), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))

    with pytest.raises(RecordError) as refusal:
        read_record(tmp_path)

    assert told in str(refusal.value)


@pytest.mark.parametrize("name", ["sweep", "trial", "state", "configuration_hash", "configuration"])
def test_missing_required_fields_are_refused(record: Build, tmp_path: Path, name: str) -> None:
    path = write_record(record(), tmp_path)
    plain = json.loads(path.read_text())
    del plain[name]
    path.write_text(json.dumps(plain))

    with pytest.raises(RecordError, match=f"lacks '{name}'"):
        read_record(tmp_path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="record.json does not exist"):
        read_record(tmp_path)
    with pytest.raises(RecordError, match="nowhere does not exist"):
        read_record(tmp_path / "nowhere")
