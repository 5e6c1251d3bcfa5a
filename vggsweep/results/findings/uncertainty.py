"""How sure a verdict is, in words: where its margins come from and what they leave out."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from vggsweep.results.findings.standing import Standing
from vggsweep.results.statistics.answered import Answered
from vggsweep.results.statistics.noise import Noise, SeedNoise
from vggsweep.results.statistics.paired import SeedScatter


def uncertainty(
    noise: Noise | None, y: str, groups: Sequence[Sequence[Standing]], answered: Answered | str = ""
) -> str:
    """Where the intervals and margins of a verdict come from, and what they leave out.

    Args:
        noise: of accuracies.
        y: the accuracy.
        groups: configurations with their margins.
        answered: by which they were compared image by image, or why they were not.
    """
    margins = _margins_of(groups)
    if isinstance(answered, Answered) and answered.scatter is not None and margins:
        return _image_by_image(answered, answered.scatter, y, margins)
    why = (
        f" They were not compared image by image: {answered}"
        if isinstance(answered, str) and answered
        else ""
    )
    return _by_accuracies(noise, y, groups) + why


def _image_by_image(answered: Answered, scatter: SeedScatter, y: str, margins: Sequence[float]) -> str:
    return (
        f"Networks are compared image by image, on the same {answered.images:,} validation images, and the "
        f"answer is meant for new images of the kind and new seeds. One training's {y} scatters by "
        f"{sqrt(scatter.variance):.4f} over seeds (standard deviation pooled over configurations, "
        f"{scatter.freedom} degrees of freedom), and differences from the best below {_span(margins)} are "
        "noise (95 % for all of them together, although the best was picked after looking). The interval of "
        "a single accuracy holds other seeds alone, on these images."
    )


def _by_accuracies(noise: Noise | None, y: str, groups: Sequence[Sequence[Standing]]) -> str:
    if noise is None:
        why = "The number of validation images is not known"
        if y == "balanced_acc":
            why = (
                "Only seeds tell how far balanced_acc scatters (sweep.replicates=3), and there is one of each"
            )
        return f"{why}, so no interval can be given: take small differences as noise."
    others = max(1, *(len(group) - 1 for group in groups))
    margin = f"differences from the best below {_margins(noise, groups)} are noise"
    if isinstance(noise, SeedNoise):
        if others > 1:
            margin += " (95 % for all of them together, although the best was picked after looking)"
        scatter = (
            f"one trial's {y} scatters by {noise.std:.4f} (standard deviation pooled over configurations"
        )
        if noise.images is not None:
            scatter = f"they agree, and one image of {noise.images:,} is taken ({noise.std:.4f}"
        return (
            f"The noise is that of the seeds: {scatter}, {noise.freedom} degrees of freedom, Student's t), "
            f"and {margin}. All networks answer the same validation images; other images would shift all of "
            "them."
        )
    if others > 1:
        margin += f" (95 % for all {others} comparisons together, Bonferroni)"
    return (
        "No configuration was trained with a second seed, so the noise is only the binomial error of "
        f"counting on {noise.images:,} validation images: {margin}. What another seed would change is not "
        "known; sweep.replicates=3 measures it."
    )


def _margins(noise: Noise, groups: Sequence[Sequence[Standing]]) -> str:
    """The margins by which networks were judged, as one number where they are one to three digits."""
    only = (groups[0][0].accuracy, groups[0][0].seeds)
    return _span(_margins_of(groups) or [noise.margin(only, only)])


def _margins_of(groups: Sequence[Sequence[Standing]]) -> list[float]:
    return [one.margin for group in groups for one in group if one.margin is not None]


def _span(margins: Sequence[float]) -> str:
    least, most = f"{min(margins):.3f}", f"{max(margins):.3f}"
    return least if least == most else f"{least} to {most}, depending on the network,"
