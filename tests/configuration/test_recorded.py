"""Records of earlier releases as later steps read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vggsweep.arch.families.vgg import ScaledVgg
from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.training.settings import CROSS_ENTROPY, CustomLossSettings


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


def test_a_record_from_before_classes_had_weights_has_none(
    train: Callable[..., tuple[Record, TrialDirectory]],
) -> None:
    record, _ = train()
    earlier = replace(record, configuration={**record.configuration, "loss": {"name": "cross_entropy"}})

    assert recorded_configuration(earlier).loss == CROSS_ENTROPY
    assert recorded_configuration(earlier) == recorded_configuration(record)
    own = {"name": "custom", "target": "mine.loss", "options": {}}
    assert recorded_configuration(
        replace(record, configuration={**record.configuration, "loss": own})
    ).loss == CustomLossSettings(**own)
