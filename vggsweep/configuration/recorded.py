"""The configuration of a finished trial, as later steps need it."""

from __future__ import annotations

from typing import Any

from vggsweep.configuration import identity
from vggsweep.configuration.identity import LATER_IN_ARCH, NO_BUDGET, PLAIN_LOSS
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.results.disk.record import Record

# Fields that came after the first records, at the values that those trials had.
LATER_NODES = {"budget": NO_BUDGET, "loss": PLAIN_LOSS}
LATER_FIELDS: dict[str, dict[str, Any]] = {
    **identity.LATER_FIELDS,
    "train": {"threshold_acc": 0.9, "nproc": 1, **identity.LATER_FIELDS["train"]},
    "sweep": {
        "n_workers": 1,
        "trial_timeout": None,
        "lease": 60.0,
        "fair_lr": None,
        "stop": None,
        "plateau_share": 0.01,
        "plateau_risk": 0.05,
        "warm_start": None,
        "prior": None,
        "allow_sampler": None,
        "keep": None,
        "detach": False,
    },
}


def recorded_configuration(record: Record) -> Configuration:
    """What a trial ran, typed; see `recorded_plain`.

    Raises:
        ConfigError: the record holds settings that this version does not know.
    """
    return read_configuration(recorded_plain(record))


def recorded_plain(record: Record) -> dict[str, Any]:
    """What a trial ran as plain values, with the width that its budget was solved to.

    The width is the record's own, so that a network can be built again without its data set at hand, and
    by a version that would solve differently.
    """
    # how a trial might have been stopped decides nothing now, and the pruners' fields have changed
    plain = {**LATER_NODES, **record.configuration, "pruner": {"name": "none"}}
    for group, fields in LATER_FIELDS.items():
        if group == "loss" and plain[group].get("name") != PLAIN_LOSS["name"]:
            continue  # a loss of one's own has none of them
        plain[group] = {**fields, **plain[group]}
    arch = {**LATER_IN_ARCH.get(str(plain["arch"].get("family")), {}), **plain["arch"]}
    if "solved_width" in record.network:
        width, plain["budget"] = record.network["solved_width"], NO_BUDGET
        if (option := arch.get("scale_by")) is None:
            arch["width"] = width
        else:  # a network of the user's own, whose arch.width a budget's option emptied
            arch = {**arch, "options": {**arch["options"], option: int(width)}}
            arch.pop("width", None)
    plain["arch"] = arch
    return plain


def repeated_plain(record: Record, device: str | None = None) -> dict[str, Any]:
    """The configuration that trains a trial once more, with what its machine chose.

    The test set stays closed, and nothing is measured.

    Args:
        record: the trial's.
        device: where; None trains where the trial did, with its precision.
    """
    plain, ran = recorded_plain(record), record.environment
    train = {**plain["train"], "evaluate_test": False}
    train["threads"] = train.get("threads") or ran.get("threads")
    if device is None:
        train["precision"] = ran.get("precision") or train["precision"]
    return {
        **plain,
        "train": train,
        "measure": {**plain["measure"], "name": "none"},
        "device": device or ran.get("device") or plain["device"],
    }
