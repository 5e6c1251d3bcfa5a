"""The columns of a results table: everything that is known of one is asked here.

A new column is one entry of `COLUMNS`. ``python -m vggsweep.results.columns`` prints the table of
``docs/results.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from vggsweep.errors import near_match

if TYPE_CHECKING:
    import pandas as pd

Better = Literal["", "larger", "smaller"]
Kind = Literal["trial", "setting", "derived", "outcome", "measured", "reliability"]


@dataclass(frozen=True)
class Column:
    """What is known of a column.

    Args:
        name: as in tables, conditions and files.
        kind: ``trial`` names or judges one trial; a ``setting`` was chosen, the ``derived`` follows from
            settings or says where a trial ran; an ``outcome`` was learned; the ``measured`` depends on the
            machine; ``reliability`` says how far an accuracy can be trusted.
        holds: what its values are.
        text: one sentence for the documentation.
        unit: of its values.
        better: which values are; empty where neither is.
        source: the keys that lead to it in a record, dotted; where an earlier release kept it elsewhere, that
            place as well. Empty where `table.row` computes it.
        parameter: the swept parameter that stands under this shorter name.
        label: its name on an axis; empty for the name itself.
        heading: its name atop a column of the report.
        amount: what follows a number of it in a sentence.
        form: how the terminal writes its numbers.
        aliases: what people call it.
        is_key: whether it stands even in a table where no row has a value.
    """

    name: str
    kind: Kind
    holds: Literal["text", "count", "real", "flag"]
    text: str
    unit: str = ""
    better: Better = ""
    source: str = ""
    parameter: str = ""
    label: str = ""
    heading: str = ""
    amount: str = ""
    form: Literal["", ",", ".4f"] = ""
    aliases: str = ""
    is_key: bool = False

    @property
    def title(self) -> str:
        """Its name on an axis, with its unit."""
        return f"{self.label} ({self.unit})" if self.label and self.unit else self.label or self.name

    @property
    def is_number(self) -> bool:
        return self.holds in ("count", "real")

    @property
    def is_share(self) -> bool:
        """Whether its values lie between 0 and 1."""
        return self.unit == "fraction" and self.better == "larger"

    @property
    def is_averaged(self) -> bool:
        """Whether replicates differ in it, so that their mean is what counts."""
        return self.kind in ("outcome", "measured")


def _count(name: str, kind: Kind, text: str, **more: Any) -> Column:
    return Column(name, kind, "count", text, **more)


def _text(name: str, kind: Kind, text: str, **more: Any) -> Column:
    return Column(name, kind, "text", text, **more)


def _cost(name: str, text: str, unit: str = "count", **more: Any) -> Column:
    return Column(name, "derived", "count", text, unit, "smaller", f"costs.{name}", form=",", **more)


def _loss(name: str, text: str, label: str, aliases: str = "") -> Column:
    return Column(
        name, "outcome", "real", text, "nats", "smaller", f"metrics.{name}", label=label, aliases=aliases
    )


def _share(name: str, text: str, label: str, **more: Any) -> Column:
    return Column(name, "outcome", "real", text, "fraction", "larger", f"metrics.{name}", label=label, **more)


def _speed(name: str, text: str, unit: str, node: str = "measurements", **more: Any) -> Column:
    better: Better = "larger" if unit == "images/s" else "smaller"
    return Column(name, "measured", "real", text, unit, better, f"{node}.{name}", **more)


# One column is one entry of a line or two.
# fmt: off
_IN_ORDER = (
    _text("sweep", "derived", "Name of its sweep; `runs` for single runs.", source="sweep", is_key=True),
    _count("trial", "trial", "Number in its sweep.", source="trial", aliases="number", form=",",
        is_key=True),
    _text("state", "trial", "COMPLETE, PRUNED or FAIL; DAMAGED where its record is unreadable.",
        source="state", is_key=True),
    _text("arch", "setting", "Family of networks, or preset of the paper.", source="network.arch",
        aliases="name model architecture", is_key=True),
    _count("depth", "setting", "Layers as the family counts them; in VGG convolutions.",
        unit="layers", source="network.depth", parameter="arch.depth", label="depth", form=","),
    _count("width", "setting", "Channels as the family measures them; in VGG those of the first block.",
        source="network.width", unit="channels", parameter="arch.width", label="width", form=","),
    _text("stages", "derived", "Convolutions and channels of each block: `1x16-2x32`.",
        source="network.stages"),
    _text("head", "setting", "What turns features into class scores: `gap` or `vgg`.", source="network.head"),
    _count("resolution", "setting", "Height and width of the network's input.",
        unit="px", source="network.resolution", parameter="dataset.resolution", label="resolution"),
    _count("channels", "derived", "Channels of the network's input.",
        source="network.channels configuration.dataset.channels"),
    _count("num_classes", "derived", "Class scores that the network gives.",
        source="network.num_classes configuration.dataset.num_classes"),
    Column("batch_norm", "derived", "flag", "Whether its convolutions are normalised.",
        source="network.batch_norm configuration.arch.batch_norm"),
    _cost("params", "Trainable parameters.", label="parameters", amount="parameters",
        aliases="parameters size"),
    _cost("conv_params", "Parameters of the convolutions: biases included, norms not.",
        label="convolution parameters", amount="convolution parameters"),
    _cost("macs", "Multiply-accumulates of one forward pass of one image; one is two FLOPs.", "MACs",
        label="multiply-accumulates of one image", heading="MACs", amount="MACs",
        aliases="flops mac"),
    _cost("activations", "Output elements of all convolutions for one image.", "elements",
        label="activations of one image", amount="activations"),
    Column(
        "budget_residual", "derived", "real", "How far its cost lies above the budget; below it is negative.",
        "fraction", source="costs.budget_residual", heading="budget residual"),
    _text("dataset", "setting", "Name of the data set; of one's own, the function that returns it.",
        source="configuration.dataset.target configuration.dataset.name"),
    _text("images", "derived", "Equal where accuracies were counted on the same validation images."),
    _text("optimizer", "setting", "Name of the optimizer; of one's own, its dotted name.",
        source="configuration.optimizer.target configuration.optimizer.name"),
    Column("lr", "setting", "real", "Learning rate, as `optimizer.lr` says.",
        source="configuration.optimizer.lr", parameter="optimizer.lr",
        label="learning rate", heading="learning rate", aliases="learning_rate"),
    _count("batch_size", "setting", "Images per optimizer step.",
        unit="images", source="configuration.train.batch_size", parameter="train.batch_size",
        label="batch size", aliases="batch"),
    _count("epochs", "setting", "Epochs that were asked for.",
        source="configuration.train.epochs", parameter="train.epochs"),
    _count("epochs_run", "outcome", "Epochs that it ran.", source="metrics.epochs_run",
        heading="epochs run", form=","),
    _count("seed", "trial", "Replicates differ in nothing else.", source="configuration.seed"),
    _loss("train_loss", "Cross-entropy in training, of the last epoch.", "training loss"),
    _share("train_acc", "Accuracy in training.", "training accuracy", heading="train acc", form=".4f"),
    _count("epochs_to_threshold", "outcome", "First epoch whose `train_acc` reached `train.threshold_acc`.",
        better="smaller", source="metrics.epochs_to_threshold", heading="epochs to threshold"),
    _loss("val_loss", "Cross-entropy on the validation images, of the last epoch.", "validation loss",
        aliases="loss"),
    _share("val_acc", "Accuracy on the validation images, of the last epoch.", "validation accuracy",
        heading="val acc", form=".4f", aliases="acc accuracy top1 error", is_key=True),
    _share("val_top5", "Right among the five likeliest; from 100 classes on.", "validation top-5 accuracy",
        aliases="top5"),
    _share("balanced_acc", "Mean of the accuracies of all classes with validation images.",
        "balanced accuracy", heading="balanced acc", form=".4f", aliases="balanced balanced_accuracy recall"),
    _share("averaged_val_acc", "Of averaged weights, at the last epoch at which a pruner looked.",
        "validation accuracy of averaged weights"),
    _count("val_images", "reliability", "How many images `val_acc` was counted on.",
        source="metrics.val_images"),
    Column("at_chance", "reliability", "flag", "Whether it is no better than guessing."),
    _share("test_acc", "Accuracy on the test images.", "test accuracy", heading="test acc", form=".4f"),
    _speed("train_seconds", "Time spent in training.", "s", "timings",
        label="training time", heading="training (s)", amount="s of training", aliases="time seconds"),
    _speed("images_per_second", "Speed of training.", "images/s", "timings", label="training speed"),
    _speed("latency_ms_p50", "Median time of a forward pass.", "ms",
        label="latency, median", heading="latency (ms)", amount="ms of latency", aliases="latency"),
    _speed("latency_ms_p95", "95th percentile of the time of a forward pass.", "ms",
        label="latency, 95th percentile", amount="ms of latency (95th percentile)"),
    _speed("throughput", "Speed of inference.", "images/s",
        label="inference throughput", heading="throughput (images/s)", aliases="speed"),
    _speed("peak_memory_mb", "Memory that the trial needed.", "MB",
        label="peak memory", heading="memory (MB)", amount="MB of peak memory", aliases="memory"),
    _text("started", "trial", "When it began: UTC, ISO 8601.", source="timings.started"),
    _text("ended", "trial", "When it ended.", source="timings.ended"),
    _text("device", "derived", "What it was trained and measured on.", source="environment.device_name"),
    _text("precision", "derived", "What it was computed in: `fp32`, `bf16`, `fp16`.",
        source="environment.precision"),
    _count("nproc", "derived", "Processes that trained it together, a device each.",
        source="configuration.train.nproc"),
    Column("pareto", "trial", "flag", "Whether it lies on the front of `val_acc` against `macs`."),
    _text("dir", "trial", "Its directory.", is_key=True),
    _text("reason", "trial", "Why it failed or was pruned, or what is wrong with its record.",
        source="reason"),
)
# fmt: on
COLUMNS = {column.name: column for column in _IN_ORDER}
MAXIMISED = frozenset(name for name, column in COLUMNS.items() if column.better == "larger")
MEASURED = frozenset(name for name, column in COLUMNS.items() if column.kind == "measured")
# Of these a mean always stands with its deviation; a count may be the same in every replicate.
DEVIATING = frozenset(
    name for name, column in COLUMNS.items() if column.is_averaged and column.holds == "real"
)
# Swept parameters that stand in the table under a shorter name.
PARAMETERS = {column.parameter: column.name for column in COLUMNS.values() if column.parameter}
# Columns that a data frame may have besides: no settings, and no difference between replicates.
BESIDE = frozenset({"configuration", "seeds"})
# Where a record holds each column: one or several paths, of which the first that is there counts.
SOURCES = {name: [path.split(".") for path in c.source.split()] for name, c in COLUMNS.items() if c.source}
# What people call a column.
OTHER_NAMES = PARAMETERS | {
    alias: name for name, column in COLUMNS.items() for alias in column.aliases.split()
}
# What a network costs by arithmetic alone, the most telling first.
COSTS = ("macs", "params", "conv_params", "activations")


def kind_of(name: str) -> str:
    """The kind of a column; one that the table does not know is a swept parameter, unless it is `BESIDE`.

    >>> kind_of("macs"), kind_of("optimizer.momentum")
    ('derived', 'setting')
    """
    if name in COLUMNS:
        return COLUMNS[name].kind
    return "trial" if name in BESIDE else "setting"


def is_setting(name: str) -> bool:
    """Whether a column describes a configuration, rather than what follows from it or came of it.

    >>> is_setting("lr"), is_setting("optimizer.momentum"), is_setting("macs"), is_setting("val_acc_sd")
    (True, True, False, False)
    """
    return kind_of(name) == "setting" and not name.endswith("_sd")


def has_dials(row: Mapping[str, Any] | pd.Series) -> bool:
    """Whether depth and width are what a network was made from; of others they are only counted.

    >>> has_dials({"arch": "vgg_scaled", "depth": 8}), has_dials({"arch": "custom", "depth": 1})
    (True, False)
    """
    stages, arch = row.get("stages"), row.get("arch")
    return isinstance(stages, str) or not isinstance(arch, str) or arch.startswith("vgg")


def near_column(word: str, names: Iterable[str]) -> str:
    """The sentence that helps after a name that is no column: what it is called here, else what is alike.

    >>> near_column("accuracy", ["depth", "val_acc"])
    "Did you mean 'val_acc'? Valid: depth, val_acc."
    """
    known = sorted(set(names))
    meant = OTHER_NAMES.get(word.lower().removeprefix("val_"))
    if word.lower() in known:
        meant = word.lower()
    if meant in known:
        return f"Did you mean {meant!r}? Valid: {', '.join(known)}."
    return near_match(word, known)


def documentation() -> str:
    """The columns as a table of Markdown."""
    lines = ["| column | kind | unit | better | what it is |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| `{c.name}` | {c.kind} | {c.unit} | {c.better} | {c.text} |" for c in COLUMNS.values()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(documentation())
