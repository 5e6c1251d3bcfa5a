"""Passwords: in no file, no message, and masked where a configuration is shown."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.cli import main
from vggsweep.configuration.secrets import check_storage, masked
from vggsweep.errors import ConfigError

SECRET = "hunter2"
SAFE = [
    "sqlite:////data/a:b@c/study.db",
    "postgresql://me@db.lab:5432/sweeps",
    "postgresql://db.lab:5432/sweeps?sslmode=require",
    "postgresql://me:${oc.env:DB_PASSWORD}@db.lab/sweeps",
    "postgresql://me:${oc.env:FIRST}${oc.env:SECOND}@db.lab/sweeps",
    "${oc.env:DATABASE}",
]
WRITTEN_OUT = [
    f"postgresql://me:{SECRET}@db.lab/sweeps",
    f"postgresql://me:{SECRET}${{oc.env:REST}}@db.lab/sweeps",
    f"postgresql://me:${{oc.env:FIRST}}{SECRET}@db.lab/sweeps",
    f"postgresql://me:${{oc.env:DB_PASSWORD,{SECRET}}}@db.lab/sweeps",
    f"postgresql://me:a/b@{SECRET}@db.lab/sweeps",
    f"postgresql://me:{SECRET}",
    f"postgresql:///sweeps?user=me&password={SECRET}",
    f"postgresql:///sweeps?PASSWORD={SECRET}",
    f"postgresql:///sweeps?p%61ssword={SECRET}",
    f"postgresql:///sweeps?sslpassword={SECRET}",
    f"mysql://me:\\{SECRET}@db.lab/sweeps",
]


@pytest.mark.parametrize("storage", SAFE)
def test_address_without_a_password_is_taken_and_shown_as_it_is(storage: str) -> None:
    check_storage(storage)
    assert masked(storage) == storage


@pytest.mark.parametrize("storage", WRITTEN_OUT)
def test_password_that_is_written_out_is_refused(storage: str) -> None:
    with pytest.raises(ConfigError, match="holds a password") as refusal:
        check_storage(storage)
    assert SECRET not in str(refusal.value)


@given(
    password=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
)
def test_no_password_is_shown(password: str) -> None:
    text = f"sweep.storage=postgresql://me:<{password}>@db.lab/sweeps does not read as an override."
    assert f"<{password}>" not in masked(text)
    assert masked(text).endswith("@db.lab/sweeps does not read as an override.")


@pytest.mark.parametrize(
    "words",
    [
        (f"sweep.storage=postgresql://me:{SECRET}@db.lab/sweeps",),
        (f"+sweep.storage=postgresql://me:{SECRET}@db.lab/sweeps",),
        (f"sweep.storage=[postgresql://me:{SECRET}@db.lab/sweeps",),
        (f"sweep.storage=postgresql://me:{SECRET}@db.lab/sweeps arch=x", "--debug"),
        (f"sweep.stroage=postgresql://me:{SECRET}@db.lab/sweeps",),
        ("-m", f"sweep.storage='postgresql://me:{SECRET}@db.lab/sweeps'", "arch.depth=4,5"),
        ("-m", f"sweep.storage=postgresql://me:{SECRET}@db.lab/sweeps,sqlite://", "arch.depth=4,5"),
        ("-m", "hydra/sweeper=basic", f"sweep.storage=postgresql://me:{SECRET}@db.lab/s", "seed=1,2"),
        ("--cfg", "job", f"sweep.storage='postgresql://me:{SECRET}@db.lab/sweeps'"),
        ("--cfg", "all", f"sweep.storage='postgresql://me:{SECRET}@db.lab/sweeps'"),
        ("--cfg", "job", "--resolve", "sweep.storage='postgresql://me:${oc.env:DB_PASSWORD}@db.lab/sweeps'"),
        ("summary", f"sweep.storage=postgresql://me:{SECRET}@db.lab/sweeps x"),
        ("plan", f"sweep.storage=[postgresql://me:{SECRET}@db.lab/sweeps"),
    ],
    ids=lambda words: " ".join(words).replace(SECRET, "…"),
)
def test_password_of_a_line_is_in_no_message(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "argv", ["vggsweep", *words])

    with pytest.raises(SystemExit):
        main()

    said = capsys.readouterr()
    assert said.out + said.err != ""
    assert SECRET not in said.out + said.err
