"""One session of timings for each condition, each with a reference and a judgement of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import psutil  # type: ignore[import-untyped]
import torch

from vggsweep.device import (
    ResolvedPrecision,
    autocast,
    configure_kernels,
    free_device_memory,
    settings_restored,
    synchronize,
)
from vggsweep.errors import ConfigError
from vggsweep.measure.contention import ContentionWatch
from vggsweep.measure.drift import Session, judge
from vggsweep.measure.rounds import Visit, take_rounds, visit
from vggsweep.retiming.engines import Call, bind_network
from vggsweep.retiming.networks import Candidate, middle

# Calls before the first round: kernels are chosen and memory is taken.
WARMUP_CALLS = 5
# Of the free memory, for the weights of all networks; images, activations and copies need some as well.
MOST_MEMORY = 0.6
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Condition:
    """What one session is about.

    Args:
        engine: ``eager``, ``compile`` or ``onnxruntime``.
        precision: computed in.
        batch_size: images a call.
    """

    engine: str
    precision: ResolvedPrecision
    batch_size: int

    def __str__(self) -> str:
        return f"{self.engine}, {self.precision}, batch {self.batch_size}"


@dataclass(frozen=True)
class Machine:
    """Where all sessions run.

    Args:
        device: it.
        threads: of the CPU.
        deterministic: whether only deterministic kernels are used, as in the trainings.
    """

    device: torch.device
    threads: int
    deterministic: bool


def check_memory(networks: Sequence[Candidate], machine: Machine) -> None:
    """Refuse more networks than fit into memory at once, as they take turns.

    Raises:
        ConfigError: says how many do.
    """
    is_cuda = machine.device.type == "cuda"
    free = free_device_memory(machine.device) if is_cuda else psutil.virtual_memory().available
    needed = 0
    for count, one in enumerate(networks):
        needed += FLOAT_BYTES * one.params
        if needed > MOST_MEMORY * free:
            raise ConfigError(
                f"{len(networks)} networks that take turns do not fit into {free / 2**30:.1f} GiB of free "
                f"memory. --top {max(1, count)} times the most accurate ones."
            )


def time_condition(
    networks: Sequence[Candidate],
    condition: Condition,
    machine: Machine,
    *,
    rounds: int,
    max_drift: float,
    order: random.Random | None = None,
) -> Session:
    """Time all networks under one condition.

    The caller's settings of torch hold again afterwards.

    Args:
        networks: at least one.
        condition, machine: how, and where.
        rounds: at least six.
        max_drift: the largest share by which the reference may drift.
        order: draws the order of each round.

    Raises:
        ExportError: a network cannot be written for onnxruntime.
    """
    with (
        settings_restored(),
        torch.inference_mode(),
        autocast(machine.device, condition.precision),
    ):
        configure_kernels(
            machine.device,
            condition.precision,
            deterministic=machine.deterministic,
            threads=machine.threads,
        )
        calls = [_call(one, condition, machine) for one in networks]
        for call in calls:
            for _ in range(WARMUP_CALLS):
                call()
        synchronize(machine.device)
        visits: list[Visit] = [partial(visit, call, machine.device) for call in calls]
        reference = visits[networks.index(middle(networks))]
        with ContentionWatch(machine.device) as watch:
            taken = take_rounds(visits, reference, rounds, order)
    return replace(judge(taken, max_drift), contended=watch.is_contended)


def _call(candidate: Candidate, condition: Condition, machine: Machine) -> Call:
    network = candidate.build(machine.device)
    images = candidate.images(condition.batch_size, machine.device)
    return bind_network(condition.engine, network, machine.threads)(images)
