from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from vggsweep.device import (
    DEFAULT_THREADS,
    ResolvedPrecision,
    autocast,
    configure_kernels,
    cpu_flags,
    device_name,
    has_bf16_units,
    resolve_device,
    resolve_precision,
)
from vggsweep.errors import ConfigError

CPU = torch.device("cpu")
without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


@pytest.fixture
def plain_kernels() -> Iterator[None]:
    yield
    configure_kernels(CPU, "fp32", deterministic=False, threads=None)


def test_auto_is_the_best_device_there_is() -> None:
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert resolve_device("auto").type == best


def test_cpu_is_the_cpu() -> None:
    assert resolve_device("cpu") == CPU


@without_cuda
@pytest.mark.parametrize("word", ["cuda", "cuda:1"])
def test_a_missing_device_is_refused_with_what_there_is(word: str) -> None:
    with pytest.raises(ConfigError, match=f"device={word}: torch finds no CUDA device here. Use device=auto"):
        resolve_device(word)


def test_fp16_needs_cuda() -> None:
    with pytest.raises(ConfigError, match="train.precision=fp16 needs a CUDA device"):
        resolve_precision("fp16", CPU)


def test_auto_precision_is_bf16_where_the_device_has_units_for_it() -> None:
    assert resolve_precision("auto", CPU) == ("bf16" if has_bf16_units(CPU) else "fp32")
    assert has_bf16_units(CPU) == bool({"avx512_bf16", "amx_bf16"} & cpu_flags())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_is_named_is_obeyed(precision: str) -> None:
    assert resolve_precision(precision, CPU) == precision  # type: ignore[arg-type]


def test_autocast_computes_in_its_precision() -> None:
    ones = torch.ones(2, 2)
    with autocast(CPU, "bf16"):
        assert (ones @ ones).dtype == torch.bfloat16
    with autocast(CPU, "fp32"):
        assert (ones @ ones).dtype == torch.float32


def test_the_cpu_has_a_name() -> None:
    assert device_name(CPU)


@pytest.mark.usefixtures("plain_kernels")
def test_threads_of_one_trial_do_not_stay_for_the_next() -> None:
    configure_kernels(CPU, "fp32", deterministic=False, threads=1)
    assert torch.get_num_threads() == 1
    configure_kernels(CPU, "fp32", deterministic=False, threads=None)
    assert torch.get_num_threads() == DEFAULT_THREADS


@pytest.mark.usefixtures("plain_kernels")
def test_determinism_of_one_trial_does_not_stay_for_the_next() -> None:
    configure_kernels(CPU, "fp32", deterministic=True, threads=None)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    configure_kernels(CPU, "fp32", deterministic=False, threads=None)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(("precision", "may_use_tf32"), [("fp32", False), ("bf16", True)])
def test_fp32_products_are_exact_in_fp32_only(
    monkeypatch: pytest.MonkeyPatch, precision: ResolvedPrecision, may_use_tf32: bool
) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    try:
        configure_kernels(torch.device("cuda", 1), precision, deterministic=False, threads=None)
        # torch.compile reads these, and raises where newer switches and older ones were mixed
        assert torch.backends.cuda.matmul.allow_tf32 is may_use_tf32
        assert torch.backends.cudnn.allow_tf32 is may_use_tf32
        assert chosen == [torch.device("cuda", 1)]
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = False
