"""The table: the columns of DESIGN.md in their order, one row a record, damage named and never fatal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from vggsweep.errors import RecordError
from vggsweep.results.columns import COLUMNS
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import (
    damages,
    load_plain,
    load_sweep,
    make_frame,
    read_records,
    row,
    trial_directories,
    without_empty,
)

Build = Callable[..., Record]
Write = Callable[..., Path]

DOCUMENTED = (
    "sweep trial state arch depth width stages head resolution params conv_params macs activations "
    "budget_residual dataset images optimizer lr batch_size epochs epochs_run seed train_loss train_acc "
    "epochs_to_threshold val_loss val_acc test_acc train_seconds images_per_second latency_ms_p50 "
    "latency_ms_p95 throughput peak_memory_mb started device precision pareto dir"
).split()


def load_table(sweeps: list[Path]) -> tuple[pd.DataFrame, list[RecordError]]:
    """The filled columns of sweeps, and the records that could not be read."""
    table = load_plain(sweeps)
    return make_frame(without_empty(table)), damages(table)


def test_columns_stand_in_the_documented_order_then_the_swept_parameters(
    write: Write, tmp_path: Path
) -> None:
    write(tmp_path / "mine", 7)

    table, damaged = load_table([tmp_path / "mine"])

    assert list(table.columns) == [*DOCUMENTED, "augment.crop_padding"]
    assert damaged == []


def test_a_record_alone_yields_every_column(record: Build, tmp_path: Path) -> None:
    values = row(record(), tmp_path)

    assert values["dir"] == str(tmp_path)
    assert (values["sweep"], values["trial"], values["state"], values["arch"]) == (
        "mine",
        7,
        "COMPLETE",
        "vgg_scaled",
    )
    assert (values["dataset"], values["optimizer"], values["lr"]) == ("fashion_mnist_mini", "sgd", 0.1)
    assert (values["batch_size"], values["epochs"], values["epochs_run"], values["seed"]) == (128, 3, 3, 5)
    assert (values["val_acc"], values["macs"], values["device"]) == (0.79, 23_000_000, "a CPU")
    assert [name for name, value in values.items() if value is None] == [
        "channels",
        "num_classes",
        "batch_norm",
        "val_top5",
        "balanced_acc",
        "averaged_val_acc",
        "val_images",
        "at_chance",
        "ended",
        "nproc",
        "pareto",
        "reason",
    ]


def test_facts_that_earlier_releases_did_not_store_are_read_from_the_configuration(
    record: Build, tmp_path: Path
) -> None:
    names = ("channels", "num_classes", "batch_norm")
    settings = {"dataset": {"channels": 3, "num_classes": 7}, "arch": {"batch_norm": False}}
    network = {**record().network, "channels": 1, "num_classes": 10, "batch_norm": True}

    earlier = row(record(configuration={**record().configuration, **settings}), tmp_path)
    now = row(record(configuration=settings, network=network), tmp_path)

    assert [earlier[name] for name in names] == [3, 7, False]
    assert [now[name] for name in names] == [1, 10, True]


def test_rows_tell_on_which_images_their_accuracy_was_counted(record: Build, tmp_path: Path) -> None:
    def images(fingerprint: str = "f", **dataset: object) -> str:
        node = {"name": "fashion_mnist", "val_fraction": 0.1, "split_seed": 0, "limit": None, **dataset}
        configuration = {**record().configuration, "dataset": node}
        values = row(record(configuration=configuration, data_fingerprint=fingerprint), tmp_path)
        return str(values["images"])

    same = images()
    assert images(workers=4) == images("g") == same
    others = [
        {"name": "mnist"},
        {"val_fraction": 0.2},
        {"split_seed": 1},
        {"limit": 512},
        {"validation": "test"},
    ]
    assert same not in {images(**change) for change in others}
    whole = {"validation": "test"}
    assert images(val_fraction=0.2, **whole) == images(**whole)
    folder = {"name": "image_folder"}
    assert images(**folder) != images("g", **folder)


def test_a_record_in_the_place_of_another_trial_is_no_result(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0)
    moved = write(tmp_path / "mine", 1)
    moved.rename(tmp_path / "mine" / "trials" / "00002")

    table, damaged = load_table([tmp_path / "mine"])

    assert table["state"].tolist() == ["COMPLETE", "DAMAGED"]
    assert "is the record of trial 1" in str(damaged[0])


def test_swept_parameters_that_have_a_column_are_not_named_twice(record: Build, tmp_path: Path) -> None:
    swept = {
        "arch": "vgg_scaled",
        "arch.depth": 8,
        "arch.width": 16,
        "optimizer.lr": 0.1,
        "train.batch_size": 128,
        "seed": 5,
        "arch.activation": "gelu",
    }

    values = row(record(swept=swept), tmp_path)

    assert [name for name in values if name not in COLUMNS] == ["arch.activation"]


def test_columns_that_apply_to_no_row_are_left_out(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0, measurements={}, swept={})

    table, _ = load_table([tmp_path / "mine"])

    assert not {"latency_ms_p50", "throughput", "peak_memory_mb"} & set(table.columns)
    assert [name for name in DOCUMENTED if name in table.columns] == list(table.columns)


def test_rows_stand_in_the_order_of_trial_numbers_whatever_their_width(write: Write, tmp_path: Path) -> None:
    for number in (100_000, 2, 99_999, 10):
        write(tmp_path / "mine", number)
    (tmp_path / "mine" / "trials" / "notes").mkdir()
    (tmp_path / "mine" / "trials" / "²").mkdir()

    table, _ = load_table([tmp_path / "mine"])

    assert table["trial"].tolist() == [2, 10, 99_999, 100_000]
    assert len(trial_directories(tmp_path / "mine")) == 4


def test_several_sweeps_stand_in_one_table(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "a", 0, swept={"x": 1})
    write(tmp_path / "b", 0, swept={"y": 2})

    table, _ = load_table([tmp_path / "a", tmp_path / "b"])

    assert table["sweep"].tolist() == ["a", "b"]
    assert list(table.columns)[-2:] == ["x", "y"]
    assert table["x"].isna().tolist() == [False, True]


def test_damaged_record_is_listed_with_its_reason_and_the_others_stay(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0)
    broken = write(tmp_path / "mine", 1)
    (broken / "record.json").write_text('{"schema_version": 1, "sw')
    (tmp_path / "mine" / "trials" / "00002").mkdir()

    table, damaged = load_table([tmp_path / "mine"])

    assert table["trial"].tolist() == [0, 1]
    assert table["state"].tolist() == ["COMPLETE", "DAMAGED"]
    assert table["pareto"].tolist() == [True, False]
    assert table["dir"].tolist()[1] == str(broken)
    assert table["reason"].tolist()[1] == str(damaged[0])
    assert len(damaged) == 1
    assert str(broken / "record.json") in str(damaged[0])
    assert "cannot be read" in str(damaged[0])


def test_trial_without_a_record_is_running_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "mine" / "trials" / "00000").mkdir(parents=True)

    assert read_records(tmp_path / "mine") == ([], [])


def test_table_of_nothing_has_its_key_columns(tmp_path: Path) -> None:
    table, damaged = load_table([tmp_path / "nothing"])

    assert list(table.columns) == ["sweep", "trial", "state", "arch", "val_acc", "dir"]
    assert (len(table), damaged) == (0, [])


def test_failed_trial_has_a_row_with_what_is_known(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0)
    write(tmp_path / "mine", 1, state="FAIL", reason="NaN", metrics={"epochs_run": 0}, measurements={})

    table, _ = load_table([tmp_path / "mine"])

    assert table["state"].tolist() == ["COMPLETE", "FAIL"]
    assert table["val_acc"].isna().tolist() == [False, True]
    assert table["pareto"].tolist() == [True, False]


def test_record_from_a_configuration_without_groups_has_a_row(record: Build, tmp_path: Path) -> None:
    values = row(record(configuration={"optimizer": None, "train": 3}), tmp_path)

    assert (values["optimizer"], values["epochs"], values["seed"]) == (None, None, None)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", '{"schema_version": 2}', "{" * 100_000, '{"schema_version": 1, "sweep": 3}', "\udcff"],
    ids=range(7),
)
def test_any_damage_has_a_row_with_its_reason_and_stays_off_the_front(
    write: Write, tmp_path: Path, content: str
) -> None:
    write(tmp_path / "mine", 0)
    broken = write(tmp_path / "mine", 1, metrics={"val_acc": 1.0}, costs={"macs": 1}) / "record.json"
    broken.write_bytes(content.encode(errors="surrogateescape"))

    table = load_plain([tmp_path / "mine"])

    assert [values["state"] for values in table.rows] == ["COMPLETE", "DAMAGED"]
    assert [values["pareto"] for values in table.rows] == [True, False]
    assert str(broken) in table.rows[1]["reason"]


def test_record_that_is_a_folder_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "mine" / "trials" / "00003" / "record.json").mkdir(parents=True)

    (values,) = load_plain([tmp_path / "mine"]).rows

    assert (values["trial"], values["state"]) == (3, "DAMAGED")


def test_edited_values_are_taken_as_they_are_and_a_wrong_one_damages_its_record_alone(
    write: Write, tmp_path: Path
) -> None:
    """Numbers are accepted, however odd; a text where a number belongs, or one beyond all bounds, is not."""
    for number, changes in enumerate(
        (
            {"train_acc": float("nan"), "epochs_run": 10**40, "more": "of it"},
            {"val_acc": "high"},
            {"val_loss": 10**400},
            {"val_loss": [1, 2]},
        )
    ):
        path = write(tmp_path / "mine", number) / "record.json"
        plain = json.loads(path.read_text())
        plain["metrics"] |= changes
        path.write_text(json.dumps(plain))

    table, damaged = load_table([tmp_path / "mine"])

    assert table["state"].tolist() == ["COMPLETE", *["DAMAGED"] * 3]
    assert table["epochs_run"].tolist()[0] == 10**40
    assert [str(error).split(": ")[1].split(" is ")[0] for error in damaged] == [
        "metrics.val_acc",
        "metrics.val_loss",
        "metrics.val_loss",
    ]


def test_counts_are_whole_numbers_where_a_row_lacks_one(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0, costs={"macs": 2**60 + 1})
    write(tmp_path / "mine", 1, costs={})

    table = load_sweep(tmp_path / "mine")

    assert table["macs"].tolist()[0] == 2**60 + 1
    assert table["macs"].isna().tolist() == [False, True]


def test_load_sweep_takes_names_directories_several_and_the_newest(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "outputs" / "a", 0)
    write(tmp_path / "outputs" / "b", 0, network={"depth": 5})

    assert load_sweep("a", tmp_path / "outputs" / "b")["sweep"].tolist() == ["a", "b"]
    assert load_sweep("a", "a")["sweep"].tolist() == ["a"]
    assert load_sweep()["sweep"].tolist() == ["b"]
    assert load_sweep("a", "b", where="depth < 6")["sweep"].tolist() == ["b"]


def test_load_sweep_takes_lists_of_sweeps(write: Callable[..., Path], own_folder: Path) -> None:
    for name in ("one", "two"):
        write(own_folder / "outputs" / name, 0)

    apart = load_sweep("one", "two")["sweep"].tolist()

    assert load_sweep(["one", "two"])["sweep"].tolist() == apart == ["one", "two"]
    assert load_sweep(Path("outputs") / name for name in ("one", "two"))["sweep"].tolist() == apart
    assert load_sweep([]).empty
