"""From a session to the line that a sweep keeps of it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from vggsweep.device import device_name
from vggsweep.measure.drift import Session
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.measurements import Measurement, TimedNetwork
from vggsweep.retiming.networks import Candidate, middle
from vggsweep.retiming.session import Condition, Machine

PACKAGES = ("vggsweep", "torch")


def measurement_of(
    networks: Sequence[Candidate],
    sweep: SweepDirectory,
    session: Session,
    condition: Condition,
    machine: Machine,
    max_drift: float,
    command: str,
) -> Measurement:
    """What is kept of a session for one of the sweeps whose networks it timed, and only of these networks.

    Args:
        networks: all of the session, in its order.
        sweep: whose line it is.
        session: what was found, not refused.
        condition, machine: how, and where.
        max_drift: the share by which the reference might drift.
        command: that took it.
    """
    timed = []
    for one, timing in zip(networks, session.timings, strict=True):
        own = [trial for trial in one.trials if trial.sweep == sweep]
        if own:
            timed.append(
                TimedNetwork(
                    trials=tuple(int(trial.path.name) for trial in own),
                    macs=one.macs,
                    latency_ms=timing.latency_ms,
                    low_ms=timing.low_ms,
                    high_ms=timing.high_ms,
                    relative=timing.relative,
                )
            )
    packages = (*PACKAGES, *(("onnxruntime",) if condition.engine == "onnxruntime" else ()))
    return Measurement(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        host=socket.gethostname(),
        device=str(machine.device),
        device_name=device_name(machine.device),
        threads=machine.threads,
        engine=condition.engine,
        precision=condition.precision,
        batch_size=condition.batch_size,
        rounds=session.rounds,
        drift=session.drift,
        spread=session.spread,
        max_drift=max_drift,
        contended=session.contended,
        reference=middle(networks).address,
        reference_ms=session.reference_ms,
        packages={name: _version(name) for name in packages},
        networks=tuple(timed),
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
