"""The configuration of a finished trial, as later steps need it."""

from __future__ import annotations

from typing import Any

from vggsweep.configuration.identity import NO_BUDGET
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.results.disk.record import Record

# Fields that came after the first records, at the values that those trials had.
LATER_NODES = {"budget": NO_BUDGET}
LATER_FIELDS: dict[str, dict[str, Any]] = {
    "train": {"threshold_acc": 0.9},
    "sweep": {
        "n_workers": 1,
        "trial_timeout": None,
        "lease": 60.0,
        "stop": None,
        "plateau_share": 0.01,
        "plateau_risk": 0.05,
        "warm_start": None,
        "prior": None,
        "allow_sampler": None,
        "detach": False,
    },
}


def recorded_configuration(record: Record) -> Configuration:
    """What a trial ran, with the width that its budget was solved to.

    The width is the record's own, so that a network can be built again without its data set at hand, and
    by a version that would solve differently.

    Raises:
        ConfigError: the record holds settings that this version does not know.
    """
    # how a trial might have been stopped decides nothing now, and the pruners' fields have changed
    plain = {**LATER_NODES, **record.configuration, "pruner": {"name": "none"}}
    for group, fields in LATER_FIELDS.items():
        plain[group] = {**fields, **plain[group]}
    if "solved_width" in record.network:
        plain["arch"] = {**plain["arch"], "width": record.network["solved_width"]}
        plain["budget"] = NO_BUDGET
    return read_configuration(plain)
