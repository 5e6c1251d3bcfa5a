"""Real sessions of real networks: they run, under each engine, and leave torch as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import read_record
from vggsweep.retiming.conditions import conditions_of, machine_of
from vggsweep.retiming.engines import bind_network, check_engine
from vggsweep.retiming.networks import Candidate, candidates
from vggsweep.retiming.session import Condition, Machine, check_memory, time_condition

CPU = torch.device("cpu")
HERE = Machine(CPU, threads=1, deterministic=False)


@pytest.fixture
def networks(quickstart: Path) -> list[Candidate]:
    sweep = SweepDirectory(quickstart)
    return candidates([(sweep.trial(at), read_record(sweep.trial(at).record)) for at in (0, 3)])


@pytest.mark.parametrize(
    ("precision", "batch_size"), [("fp32", 1), pytest.param("bf16", 8, marks=pytest.mark.slow)]
)
def test_a_session_times_every_network_and_leaves_torch_as_it_was(
    networks: list[Candidate], precision: str, batch_size: int
) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    condition = Condition("eager", precision, batch_size)  # type: ignore[arg-type]
    found = time_condition(networks, condition, Machine(CPU, 2, False), rounds=6, max_drift=1e9)

    assert found.refusal is None
    assert found.rounds == 6
    assert len(found.timings) == len(networks)
    for timing in found.timings:
        assert 0 < timing.low_ms <= timing.latency_ms <= timing.high_ms
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["compile", "onnxruntime"])
def test_an_engine_answers_as_the_network_does(networks: list[Candidate], engine: str) -> None:
    if engine == "onnxruntime":
        pytest.importorskip("onnxruntime", reason="pip install 'vggsweep[onnx]'")
        pytest.importorskip("onnxscript", reason="pip install 'vggsweep[onnx]'")
    for candidate in networks:
        network = candidate.build(CPU)
        for size in (1, 3):
            images = candidate.images(size, CPU)
            with torch.inference_mode():
                found = bind_network(engine, network, 1)(images)()
                wanted = network(images)
            scores = torch.as_tensor(found[0] if isinstance(found, list) else found)
            torch.testing.assert_close(scores, wanted, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.skipif("not __import__('shutil').which('g++')", reason="torch.compile needs a C++ compiler")
def test_more_networks_are_compiled_than_torch_keeps_of_one_function(networks: list[Candidate]) -> None:
    from torch._dynamo.utils import counters

    counters.clear()
    for _ in range(10):
        network = networks[0].build(CPU)
        with torch.inference_mode():
            bind_network("compile", network, 1)(networks[0].images(1, CPU))()

    assert counters["stats"]["unique_graphs"] == 10


def test_what_the_line_leaves_out_is_as_in_the_sweep(quickstart: Path) -> None:
    records = [read_record(SweepDirectory(quickstart).trial(at).record) for at in (0, 3)]
    machine = machine_of(records, "auto", None)

    assert machine.threads == 1
    assert conditions_of(records, machine, ["eager"], [], []) == [Condition("eager", "fp32", 1)]
    assert conditions_of(records, HERE, ["eager", "compile"], ["fp32", "bf16"], [1, 8])[-1] == Condition(
        "compile", "bf16", 8
    )
    assert machine_of(records, "cpu", 2).threads == 2


@pytest.mark.parametrize(
    ("engine", "precision", "told"),
    [
        (
            "eager",
            "fp16",
            "--precision fp16 is for CUDA devices, and this is cpu. Use --precision fp32,bf16.",
        ),
        ("onnxruntime", "bf16", "--engine onnxruntime computes in fp32 on the CPU, and this is bf16 on cpu."),
    ],
)
def test_what_a_machine_cannot_compute_is_refused_before_anything_is_timed(
    quickstart: Path, engine: str, precision: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vggsweep.retiming.engines.ONNX_PACKAGES", ())
    records = [read_record(SweepDirectory(quickstart).trial(0).record)]
    with pytest.raises(ConfigError) as refusal:
        conditions_of(records, HERE, ["eager", engine], [precision], [1])
    assert told in str(refusal.value)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vggsweep.retiming.engines.ONNX_PACKAGES", ("no_such_runtime",))
    with pytest.raises(ConfigError, match=r"needs no_such_runtime: pip install 'vggsweep\[onnx\]'"):
        check_engine("onnxruntime", CPU, "fp32")


def test_networks_that_do_not_fit_together_are_refused_with_how_many_do(networks: list[Candidate]) -> None:
    large = [replace(one, params=params) for one, params in zip(networks, (10**6, 10**13), strict=True)]
    with pytest.raises(ConfigError, match="2 networks that take turns do not fit into .* --top 1 times"):
        check_memory(large, HERE)
