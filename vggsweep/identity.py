"""What a result belongs to: one configuration, trained on one data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Identity:
    """What a record, a checkpoint, a history and weights carry, so that no other trial takes them.

    Args:
        configuration: hash of the configuration, see `vggsweep.configuration.identity`.
        data: fingerprint of the images and labels, see `vggsweep.data.fingerprint`; None where it was not
            taken, as by earlier releases.
    """

    configuration: str
    data: str | None = None

    def fits(self, other: Identity) -> bool:
        """Whether both may be of one training: equal, as far as both know their data.

        >>> Identity("a", "x").fits(Identity("a")), Identity("a", "x").fits(Identity("a", "y"))
        (True, False)
        """
        is_same_data = self.data is None or other.data is None or self.data == other.data
        return self.configuration == other.configuration and is_same_data

    @property
    def short(self) -> str:
        """Sixteen hexadecimal digits for a file in which a whole identity takes too much room."""
        return hashlib.sha256(f"{self.configuration}:{self.data or ''}".encode()).hexdigest()[:16]

    def plain(self) -> dict[str, str | None]:
        """As it stands in files."""
        return {"configuration": self.configuration, "data": self.data}

    @classmethod
    def read(cls, plain: object) -> Identity | None:
        """What `plain` made; None for anything else, such as a file of an earlier release."""
        if not isinstance(plain, Mapping):
            return None
        configuration: Any = plain.get("configuration")
        data: Any = plain.get("data")
        if not isinstance(configuration, str) or not isinstance(data, (str, type(None))):
            return None
        return cls(configuration, data)
