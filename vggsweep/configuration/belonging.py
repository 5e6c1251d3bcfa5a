"""From a configuration to the identity of its result: what it is, and on which data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vggsweep.configuration.identity import configuration_hash, configuration_hashes
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.catalog import data_root
from vggsweep.data.fingerprint import DataFingerprint, data_fingerprint, data_stamp
from vggsweep.data.settings import CustomDatasetSettings, SourceSettings
from vggsweep.errors import DataChanged
from vggsweep.identity import Identity

# What of a configuration says which files are read.
DATA_FIELDS = ("name", "root", "validation", "target", "options", "path", "image", "label")


@dataclass
class Fingerprints:
    """Takes the fingerprint of each data set once, as a folder of 100,000 pictures takes a second or two.

    Picklable, so that the workers of a command need not take them again.

    Args:
        taken: those of before.
    """

    taken: dict[tuple[Any, ...], DataFingerprint] = field(default_factory=dict)

    def of(self, plain: Mapping[str, Any]) -> DataFingerprint:
        """The fingerprint of a configuration's data.

        Args:
            plain: resolved values of the whole configuration, checked.
        """
        key = self._key(plain)
        if key not in self.taken:
            dataset = read_configuration(plain).dataset
            self.taken[key] = data_fingerprint(dataset, with_test=key[-1])
        return self.taken[key]

    @staticmethod
    def _key(plain: Mapping[str, Any]) -> tuple[Any, ...]:
        fields = (repr(plain["dataset"].get(name)) for name in DATA_FIELDS)  # options may be anything
        return (*fields, bool(plain["train"].get("evaluate_test")))

    def check(self, plain: Mapping[str, Any]) -> None:
        """Refuse data that changed since their fingerprint was taken.

        It looks at the sizes and times of a folder's pictures (0.3 s for 100,000), and takes the fingerprint
        again where these changed.

        Args:
            plain: resolved values of the whole configuration, checked.

        Raises:
            DataChanged: pictures were written or removed meanwhile.
        """
        taken, with_test = self.of(plain), self._key(plain)[-1]
        if not taken.stamp:  # a published set
            return
        dataset = read_configuration(plain).dataset
        if data_stamp(dataset, with_test=with_test) == taken.stamp:
            return
        now = data_fingerprint(dataset, with_test=with_test)
        if now.digest != taken.digest:
            if isinstance(dataset, CustomDatasetSettings):
                raise DataChanged(
                    f"{dataset.target} returns other images than when this command began. Let it return the "
                    "same ones at every call (a seed of its own, sorted files) and type the command again."
                )
            place = dataset.place if isinstance(dataset, SourceSettings) else data_root(dataset)
            raise DataChanged(
                f"The pictures of {place} changed while they were trained on. Put them back and "
                "type the command again, or begin another sweep with them."
            )
        self.taken[self._key(plain)] = now  # the same contents under other times, as on another host

    def identity(self, plain: Mapping[str, Any], configuration: str | None = None) -> Identity:
        """What a training of this configuration belongs to.

        Args:
            plain: resolved values of the whole configuration, checked.
            configuration: its hash where that was taken before, perhaps by an earlier release.
        """
        return Identity(configuration or configuration_hash(plain), self.of(plain).digest)

    def identities(self, plain: Mapping[str, Any]) -> tuple[Identity, ...]:
        """The same under every hash that names the configuration, this release's first."""
        return tuple(self.identity(plain, one) for one in configuration_hashes(plain))
