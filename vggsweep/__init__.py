"""vggsweep: sweep depth against width of VGG-type networks, and compare accuracy with cost.

The names below are the public Python interface; they load on first use, so that importing the package
stays fast and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vggsweep import errors as errors
    from vggsweep.model import TrainedModel as TrainedModel
    from vggsweep.model import load_model as load_model
    from vggsweep.python.calls import summary as summary
    from vggsweep.python.calls import sweep as sweep
    from vggsweep.python.calls import train as train
    from vggsweep.python.sweep import Sweep as Sweep
    from vggsweep.python.sweep import open_sweep as open_sweep
    from vggsweep.python.trial import Trial as Trial
    from vggsweep.results import figures as figures
    from vggsweep.results.disk.record import Record as Record
    from vggsweep.results.disk.record import read_record as read_record
    from vggsweep.results.statistics.front import pareto_front as pareto_front
    from vggsweep.results.tables.table import load_sweep as load_sweep

try:
    __version__ = version("vggsweep")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

PUBLIC = {
    "TrainedModel": "vggsweep.model",
    "load_model": "vggsweep.model",
    "summary": "vggsweep.python.calls",
    "train": "vggsweep.python.calls",
    "Sweep": "vggsweep.python.sweep",
    "open_sweep": "vggsweep.python.sweep",
    "Trial": "vggsweep.python.trial",
    "Record": "vggsweep.results.disk.record",
    "read_record": "vggsweep.results.disk.record",
    "load_sweep": "vggsweep.results.tables.table",
    "pareto_front": "vggsweep.results.statistics.front",
}
# the room of sweeps can be called, as its name is that of the call
MODULES = {"errors": "vggsweep.errors", "figures": "vggsweep.results.figures", "sweep": "vggsweep.sweep"}
__all__ = [
    "Record",
    "Sweep",
    "TrainedModel",
    "Trial",
    "__version__",
    "errors",
    "figures",
    "load_model",
    "load_sweep",
    "open_sweep",
    "pareto_front",
    "read_record",
    "summary",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(MODULES[name])
    if name not in PUBLIC:
        raise AttributeError(f"module 'vggsweep' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
