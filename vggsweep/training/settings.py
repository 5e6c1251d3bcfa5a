"""What a configuration says about training: optimizer, schedule, loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vggsweep.errors import ConfigError
from vggsweep.settings import setting

Precision = Literal["auto", "fp32", "bf16", "fp16"]
CudaGraph = Literal["auto", "always", "never"]
Freeze = Literal["none", "features"]


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
        if len(self.betas) != 2:
            shown = ",".join(f"{beta:g}" for beta in self.betas)
            raise ConfigError(
                f"optimizer.betas=[{shown}] should be two numbers, of the mean and of the square: "
                "optimizer.betas=[0.9,0.999]."
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


OptimizerSettings = SgdSettings | AdamSettings | RmspropSettings | CustomOptimizerSettings
OPTIMIZERS: dict[str, type[OptimizerSettings]] = {
    "sgd": SgdSettings,
    "sgd_nesterov": SgdSettings,
    "adam": AdamSettings,
    "adamw": AdamSettings,
    "rmsprop": RmspropSettings,
    "custom": CustomOptimizerSettings,
}


@dataclass(frozen=True, kw_only=True)
class CrossEntropySettings:
    """Cross-entropy, with the label smoothing of ``train``."""

    name: Literal["cross_entropy"]


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
CROSS_ENTROPY = CrossEntropySettings(name="cross_entropy")


@dataclass(frozen=True, kw_only=True)
class ConstantSchedule:
    """The same learning rate from the end of the warm-up on."""

    name: Literal["constant"]
    warmup_epochs: float = setting(minimum=0.0)


@dataclass(frozen=True, kw_only=True)
class StepSchedule:
    """Multiply by gamma every so many epochs."""

    name: Literal["step"]
    warmup_epochs: float = setting(minimum=0.0)
    step_epochs: float = setting(above=0.0)
    gamma: float = setting(above=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class MultistepSchedule:
    """Multiply by gamma at each milestone, given in epochs."""

    name: Literal["multistep"]
    warmup_epochs: float = setting(minimum=0.0)
    milestones: tuple[float, ...] = setting(above=0.0)
    gamma: float = setting(above=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class CosineSchedule:
    """Half a cosine from the full rate to the final one (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"]
    warmup_epochs: float = setting(minimum=0.0)
    final: float = setting(minimum=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class OnecycleSchedule:
    """Linear up to the full rate, linear down to the final one (Smith & Topin 2018)."""

    name: Literal["onecycle"]
    warmup_epochs: float = setting(minimum=0.0)
    start: float = setting(minimum=0.0, maximum=1.0)
    peak_at: float = setting(above=0.0, below=1.0)
    final: float = setting(minimum=0.0, maximum=1.0)


SchedulerSettings = ConstantSchedule | StepSchedule | MultistepSchedule | CosineSchedule | OnecycleSchedule
SCHEDULES: dict[str, type[SchedulerSettings]] = {
    "constant": ConstantSchedule,
    "step": StepSchedule,
    "multistep": MultistepSchedule,
    "cosine": CosineSchedule,
    "onecycle": OnecycleSchedule,
}


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
