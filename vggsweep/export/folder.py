"""Write an export's folder, whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.errors import ConfigError
from vggsweep.export.card import card_of, readme_of
from vggsweep.export.check import check_export, onnx_latency, pixels_to_check
from vggsweep.export.formats import FORMATS, ONNX, Format, check_packages
from vggsweep.files import make_directory, write_atomically, write_failed
from vggsweep.model import load_model
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import read_record

CARD, README = "card.json", "README.md"
# All that an export of any format consists of.
WRITTEN = {CARD, README, *(form.file for form in FORMATS.values()), "record.json"}


def export_trial(directory: TrialDirectory, form: Format, out: Path, words: Sequence[str]) -> dict[str, Any]:
    """Write a trial's network with its card; check it before anybody can take it.

    Args:
        directory: the trial's.
        form: the format.
        out: the folder; an earlier export there is replaced.
        words: of the command, without the program's name, for the card.

    Returns:
        The card.

    Raises:
        ConfigError: the folder holds something else, or a package is missing.
        RecordError: the trial keeps no weights.
        ExportError: the network cannot be written, or what was written scores otherwise; nothing is left.
        WriteFailed: the file system refused.
    """
    check_packages(form)
    check_out(out)
    record = read_record(directory.path)
    configuration = recorded_configuration(record)
    model = load_model(directory.path)
    make_directory(out.parent)
    try:
        # beside its place, so that it takes it in one step
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            new = Path(temporary) / "new"
            new.mkdir()
            form.write(model, directory, new)
            check = check_export(model, form, new, *pixels_to_check(model, configuration))
            latency = onnx_latency(model, new, configuration) if form is ONNX else None
            card = card_of(model, record, configuration, directory, form, check, latency, words)
            write_atomically(new / README, readme_of(card, form))
            write_atomically(new / CARD, json.dumps(card, indent=2, allow_nan=False) + "\n")
            if out.exists():
                out.rename(Path(temporary) / "old")
            new.rename(out)
    except OSError as error:
        raise write_failed(out, error) from error
    return card


def check_out(out: Path) -> None:
    """Refuse a place that holds anything but an earlier export, all of which would be lost.

    Raises:
        ConfigError: with what is there, and another place.
    """
    if not out.exists():
        return
    names = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    foreign = sorted(names - WRITTEN if _is_card(out / CARD) else names)
    if foreign:
        raise ConfigError(
            f"{out} is there and holds what no export wrote ({foreign[0]}). Name another folder: --out "
            f"{out}-export"
        )


def _is_card(path: Path) -> bool:
    """Whether an export of ours wrote it."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and {"schema_version", "format", "command"} <= set(card)
