"""What a configuration says about training: optimizer, loss, loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vggsweep.errors import ConfigError
from vggsweep.settings import setting

Precision = Literal["auto", "fp32", "bf16", "fp16"]
CudaGraph = Literal["auto", "always", "never"]
Freeze = Literal["none", "features"]
ClassWeights = Literal["none", "balanced"]


@dataclass(frozen=True, kw_only=True)
class SgdSettings:
    """Stochastic gradient descent, with Nesterov's momentum or without."""

    name: Literal["sgd", "sgd_nesterov"]
    lr: float = setting(above=0.0)
    momentum: float = setting(minimum=0.0, below=1.0)
    nesterov: bool
    weight_decay: float = setting(minimum=0.0)
    decay_biases_and_norms: bool

    def __post_init__(self) -> None:
        if self.nesterov and self.momentum == 0:
            raise ConfigError(
                "optimizer.momentum=0 leaves Nesterov's method nothing to look ahead with. "
                "Use optimizer.momentum=0.9, or optimizer=sgd for plain gradient descent."
            )


@dataclass(frozen=True, kw_only=True)
class AdamSettings:
    """Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019)."""

    name: Literal["adam", "adamw"]
    lr: float = setting(above=0.0)
    betas: tuple[float, ...] = setting(minimum=0.0, below=1.0)
    eps: float = setting(above=0.0)
    weight_decay: float = setting(minimum=0.0)
    decay_biases_and_norms: bool

    def __post_init__(self) -> None:
        _check_pair(self.betas, "optimizer.betas")


def _check_pair(betas: tuple[float, ...], field: str) -> None:
    if len(betas) != 2:
        shown = ",".join(f"{beta:g}" for beta in betas)
        raise ConfigError(
            f"{field}=[{shown}] should be two numbers, of the mean and of the square: {field}=[0.9,0.999]."
        )


@dataclass(frozen=True, kw_only=True)
class RmspropSettings:
    """RMSprop (Tieleman & Hinton 2012)."""

    name: Literal["rmsprop"]
    lr: float = setting(above=0.0)
    alpha: float = setting(minimum=0.0, below=1.0)
    eps: float = setting(above=0.0)
    momentum: float = setting(minimum=0.0, below=1.0)
    weight_decay: float = setting(minimum=0.0)
    decay_biases_and_norms: bool


@dataclass(frozen=True, kw_only=True)
class CustomOptimizerSettings:
    """An optimizer of the user's own, see `vggsweep.training.custom`.

    Args:
        target: dotted name of what makes it from parameters.
        lr: handed over as a keyword; the schedule moves it.
        options: further keywords.
    """

    name: Literal["custom"]
    target: str
    lr: float = setting(above=0.0)
    options: Any


@dataclass(frozen=True, kw_only=True)
class TorchOptimizerSettings:
    """An optimizer of torch's own by its name, see `vggsweep.training.by_name`.

    Args:
        name: a class of ``torch.optim``.
        options: further keywords of that class.
    """

    library: Literal["torch"]
    name: str
    lr: float = setting(above=0.0)
    weight_decay: float = setting(minimum=0.0)
    decay_biases_and_norms: bool
    options: Any


@dataclass(frozen=True, kw_only=True)
class MuonSettings:
    """Muon for hidden matrices, AdamW for everything else, see `vggsweep.training.muon`.

    Args:
        lr: of Muon, in units of the spectral norm of an update.
        ns_steps: Newton-Schulz iterations that orthogonalise an update.
        fallback_lr, fallback_betas, fallback_eps: of AdamW.
        weight_decay: of both.
    """

    name: Literal["muon"]
    lr: float = setting(above=0.0)
    momentum: float = setting(minimum=0.0, below=1.0)
    nesterov: bool
    ns_steps: int = setting(minimum=1, below=100)
    fallback_lr: float = setting(above=0.0)
    fallback_betas: tuple[float, ...] = setting(minimum=0.0, below=1.0)
    fallback_eps: float = setting(above=0.0)
    weight_decay: float = setting(minimum=0.0)
    decay_biases_and_norms: bool

    def __post_init__(self) -> None:
        _check_pair(self.fallback_betas, "optimizer.fallback_betas")


OptimizerSettings = (
    SgdSettings
    | AdamSettings
    | RmspropSettings
    | MuonSettings
    | TorchOptimizerSettings
    | CustomOptimizerSettings
)
OPTIMIZERS: dict[str, type[OptimizerSettings]] = {
    "sgd": SgdSettings,
    "sgd_nesterov": SgdSettings,
    "adam": AdamSettings,
    "adamw": AdamSettings,
    "rmsprop": RmspropSettings,
    "muon": MuonSettings,
    "torch": TorchOptimizerSettings,
    "custom": CustomOptimizerSettings,
}


@dataclass(frozen=True, kw_only=True)
class CrossEntropySettings:
    """Cross-entropy, with the label smoothing of ``train``.

    Args:
        class_weights: what an image of each class counts; ``balanced`` lets all classes count the same.
    """

    name: Literal["cross_entropy"]
    class_weights: ClassWeights


@dataclass(frozen=True, kw_only=True)
class CustomLossSettings:
    """A loss of the user's own, see `vggsweep.training.custom`.

    Args:
        target: dotted name of a function of scores and labels, or of a class that makes one.
        options: keywords of the function, or of the class.
    """

    name: Literal["custom"]
    target: str
    options: Any


LossSettings = CrossEntropySettings | CustomLossSettings
LOSSES: dict[str, type[LossSettings]] = {"cross_entropy": CrossEntropySettings, "custom": CustomLossSettings}
CROSS_ENTROPY = CrossEntropySettings(name="cross_entropy", class_weights="none")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The loop; every field is explained in ``conf/train/default.yaml``."""

    epochs: int = setting(minimum=1)
    batch_size: int = setting(minimum=1)
    eval_batch_size: int = setting(minimum=1)
    precision: Precision
    channels_last: bool
    compile: bool
    cuda_graph: CudaGraph
    clip_grad_norm: float | None = setting(above=0.0)
    label_smoothing: float = setting(minimum=0.0, below=1.0)
    freeze: Freeze
    ema: float | None = setting(above=0.0, below=1.0)
    deterministic: bool
    checkpoint: bool
    keep_checkpoint: bool
    keep_weights: bool
    threshold_acc: float = setting(above=0.0, maximum=1.0)
    evaluate_test: bool
    keep_freed_memory: bool
    threads: int | None = setting(minimum=1)
    nproc: int = setting(minimum=1)

    def __post_init__(self) -> None:
        if self.nproc == 1:
            return
        if self.batch_size < self.nproc:
            raise ConfigError(
                f"train.nproc={self.nproc} processes share out each batch, and train.batch_size="
                f"{self.batch_size} leaves some of them without an image. Use train.nproc={self.batch_size} "
                "at most."
            )
        if self.cuda_graph == "always":
            raise ConfigError(
                f"train.cuda_graph=always captures the step of one process, and train.nproc={self.nproc} "
                "exchange their gradients within it. Use train.cuda_graph=auto."
            )
        if self.freeze != "none":
            raise ConfigError(
                f"train.freeze={self.freeze} leaves out gradients that train.nproc={self.nproc} processes "
                "would exchange. Use train.nproc=1."
            )
        if self.compile:
            raise ConfigError(
                f"train.compile=true compiles the network of one process; with train.nproc={self.nproc} "
                "its batch norm and dropout speak with the other processes. Use train.compile=false."
            )
