"""The network of a record, typed again, so that it can be drawn and counted at other sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vggsweep.arch.description import InputShape
from vggsweep.arch.families import FAMILIES
from vggsweep.arch.family import Family
from vggsweep.arch.settings import HeadSettings
from vggsweep.configuration.identity import LATER_IN_ARCH
from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.disk.record import Record
from vggsweep.settings import read_settings


@dataclass(frozen=True)
class RecordedNetwork:
    """What was built.

    Args:
        arch: as configured; a width that a budget solved is a number.
        head: as configured.
        shape: what the network sees and answers.
    """

    arch: Family
    head: HeadSettings
    shape: InputShape


def recorded_network(record: Record) -> RecordedNetwork:
    """The network that a record describes.

    Raises:
        RecordError: it is of no family of ours, or of a release whose settings are not known here; the text
            goes on after "the network".
    """
    arch = record.configuration.get("arch")
    family = str(arch.get("family")) if isinstance(arch, Mapping) else ""
    cls = FAMILIES.get(family)
    # a family of a user's own is code, which no record may choose to run
    if not (isinstance(arch, Mapping) and cls is not None and issubclass(cls, Family)):
        raise RecordError("is of no family of vggsweep's own")
    fields: dict[str, Any] = {**LATER_IN_ARCH.get(family, {}), **arch}
    if "solved_width" in record.network:
        fields["width"] = record.network["solved_width"]
    image = {name: record.network.get(name) for name in ("channels", "resolution", "num_classes")}
    try:
        return RecordedNetwork(
            read_settings(cls, fields, "arch"),
            read_settings(HeadSettings, record.configuration.get("head") or {}, "head"),
            read_settings(InputShape, image, "network"),
        )
    except ConfigError as error:
        raise RecordError(f"cannot be described again: {str(error).rstrip('.')}") from None
