"""The card of an export: ``card.json`` for programs, ``README.md`` for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2

from vggsweep.configuration.schema import Configuration
from vggsweep.data.catalog import CATALOG
from vggsweep.data.torchvision_sets import SETS
from vggsweep.export.check import Check
from vggsweep.export.formats import BATCH, INPUT, OUTPUT, Format
from vggsweep.model import TrainedModel, weights_digest
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, finite
from vggsweep.results.statistics.noise import LEVEL, BinomialNoise
from vggsweep.results.units import short_count

SCHEMA_VERSION = 1
TORCHVISION = "https://docs.pytorch.org/vision/stable/generated/torchvision.datasets"


def card_of(
    model: TrainedModel,
    record: Record,
    configuration: Configuration,
    directory: TrialDirectory,
    form: Format,
    check: Check,
    latency: Mapping[str, Any] | None,
    words: Sequence[str],
) -> dict[str, Any]:
    """Everything that someone who gets the folder must know, as JSON holds it.

    Args:
        model: the network.
        record: of its trial.
        configuration: what it ran.
        directory: the trial's.
        form: the format.
        check: of what was written.
        latency: of it, where it was timed.
        words: of the command, without the program's name.
    """
    sweep = directory.sweep
    card = {
        "schema_version": SCHEMA_VERSION,
        "format": form.name,
        "file": form.file,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["vggsweep", *words]),
        "input": {
            "name": INPUT,
            "dtype": "uint8",
            "shape": [BATCH, *model.input_shape],
            "meaning": f"pixels from 0 to 255, {'grey' if model.preprocess.channels == 1 else 'RGB'}, NCHW",
        },
        "output": {
            "name": OUTPUT,
            "dtype": "float32",
            "shape": [BATCH, len(model.class_names)],
            "meaning": "probabilities, in the order of class_names",
        },
        "class_names": list(model.class_names),
        "preprocess": model.preprocess.to_dict(),
        "trial": {
            "sweep": record.sweep,
            "number": record.trial,
            "trials_of_the_sweep": len(sweep.begun_trials()) if sweep is not None else None,
            "seed": record.configuration.get("seed"),
            "overrides": list(record.overrides),
            "configuration_hash": record.configuration_hash,
            "weights_sha256": weights_digest(directory.weights),
            "notes": list(record.notes),
        },
        "network": dict(record.network),
        "costs": dict(record.costs),
        "data": _data(record, configuration),
        "accuracy": _accuracy(record),
        "test": _test(directory),
        "check": asdict(check),
        "latency": latency,
        "versions": {
            "trained": {"python": record.environment.get("python"), **record.environment.get("packages", {})},
            "exported": _versions("vggsweep", "torch", *form.packages),
        },
    }
    plain: dict[str, Any] = finite(card)
    return plain


def _data(record: Record, configuration: Configuration) -> dict[str, Any]:
    name = configuration.dataset.name
    facts = CATALOG.get(name)
    licence, source = "not known: these are somebody's own pictures", None
    if facts is not None:
        licence, source = facts.licence, facts.source
    elif name in SETS:
        licence, source = "that of its publishers, whom the source names", f"{TORCHVISION}.{name}.html"
    return {
        "name": name,
        "licence": licence,
        "licence_source": None if facts is None else facts.licence_source,
        "source": source,
        "fingerprint": record.data_fingerprint,
        "validation": configuration.dataset.validation,
    }


def _accuracy(record: Record) -> dict[str, Any]:
    """Validation accuracy with Wilson's interval, where the record says how many images it counts."""
    accuracy, images = record.metrics["val_acc"], record.metrics.get("val_images")
    interval = BinomialNoise(images).interval(accuracy) if images else None
    return {
        "val_acc": accuracy,
        "images": images,
        "precision": record.environment.get("precision"),
        "interval": None if interval is None else [interval.low, interval.high],
        "level": LEVEL,
        "method": "Wilson's interval of the validation images; what another seed would change comes on top",
    }


def _test(directory: TrialDirectory) -> dict[str, Any] | None:
    """What ``vggsweep evaluate`` found, if the test set was opened for these weights."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        found = json.loads(directory.test.read_text(encoding="utf-8"))
        if found["weights_sha256"] == weights_digest(directory.weights):
            return {name: found[name] for name in ("test_acc", "images", "interval", "level", "when")}
    return None


def _versions(*packages: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def readme_of(card: Mapping[str, Any], form: Format) -> str:
    """The card as a person reads it, with Python that works when it is pasted."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": short_count, "versions": _named, "interval": _with_interval}
    words = shlex.join(card["trial"]["overrides"])
    return environment.get_template("README.md.j2").render(card, usage=form.usage, words=words)


def _with_interval(node: Mapping[str, Any], name: str) -> str:
    if node["interval"] is None:
        return f"{node[name]:.4f}"
    low, high = node["interval"]
    return f"{node[name]:.4f} (95 % interval {low:.4f} to {high:.4f}, {node['images']:,} images)"


def _named(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items() if number is not None)
