"""Records of earlier releases as later steps read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vggsweep.arch.families.vgg import ScaledVgg
from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record


def test_a_record_from_before_there_were_shortcuts_has_none(
    train: Callable[..., tuple[Record, TrialDirectory]],
) -> None:
    record, _ = train()
    arch: dict[str, Any] = {
        key: value for key, value in record.configuration["arch"].items() if key != "residual"
    }
    earlier = replace(record, configuration={**record.configuration, "arch": arch})

    read = recorded_configuration(earlier)

    assert isinstance(read.arch, ScaledVgg)
    assert not read.arch.residual
    assert read == recorded_configuration(record)
