"""A user's own family: found by name, counted, built and solved like ours, or refused in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vggsweep.arch import (
    Act,
    Conv,
    Family,
    Flatten,
    HeadSettings,
    InputShape,
    Linear,
    Network,
    Residual,
    ScaledFamily,
    Sequence,
    classifier,
    setting,
)
from vggsweep.arch.budget import Budget, solve_width
from vggsweep.arch.build import build_on_meta
from vggsweep.arch.counting import count_costs
from vggsweep.arch.describe import network_costs, network_stages
from vggsweep.arch.families import family_class, own
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.settings import read_settings

Build = Callable[..., Any]
SHAPE = InputShape(1, 8, 3)


@dataclass(frozen=True, kw_only=True)
class Ladder(ScaledFamily):
    steps: int = setting(minimum=1)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        out = max(1, round(self.known_width))
        rungs = ((f"conv{i}", Conv(out * self.steps)) for i in range(self.depth))
        layers = Sequence.of(rungs, classifier(head, shape.num_classes))
        return Network(layers, self.depth, out, stages=f"{self.depth}x{out}")


class NoDataclass(ScaledFamily):
    steps: int

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class OddField(Family):
    steps: list[int]

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        raise NotImplementedError


class Silent(Family):
    """Describes nothing."""


class Other:
    """No family."""


@dataclass(frozen=True, kw_only=True)
class Scripted(ScaledFamily):
    """Does what its field says."""

    answer: str

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        scores = Sequence.of(flatten=Flatten(), linear=Linear(shape.num_classes))
        made: dict[str, Callable[[], Any]] = {
            "nothing": lambda: None,
            "raises": lambda: 1 // 0,
            "half": lambda: Network(Sequence.of(Sequence.of(conv=Conv(2.5)), scores), 1, 1),  # type: ignore[arg-type]
            "none": lambda: Network(Sequence.of(Sequence.of(conv=Conv(0)), scores), 1, 1),
            "twice": lambda: Network(Sequence.of([("act", Act()), ("act", Act())], scores), 1, 1),
            "dotted": lambda: Network(Sequence.of([("a.b", Act())], scores), 1, 1),
            "text": lambda: Network(Sequence.of([("act", "relu")], scores), 1, 1),  # type: ignore[list-item]
            "body": lambda: Network(Sequence.of([("r", Residual(Conv(1)))], scores), 1, 1),  # type: ignore[arg-type]
            "maps": lambda: Network(Sequence.of(conv=Conv(3)), 1, 1),
            "depth": lambda: Network(scores, 1.5, 1),  # type: ignore[arg-type]
            "shrinks": lambda: Network(
                Sequence.of(Sequence.of(conv=Conv(max(1, 64 - int(self.known_width) % 64))), scores), 1, 1
            ),
        }
        network: Network = made[self.answer]()
        return network


def own_settings(name: str, **fields: Any) -> Any:
    plain = {"family": f"{__name__}.{name}", "name": "mine", "init": "torch", "depth": 2, "width": 4.0}
    return read_settings(family_class(plain["family"]), {**plain, **fields}, "arch")  # type: ignore[index]


def test_own_family_is_counted_built_and_solved(head: Build) -> None:
    ladder, gap = own_settings("Ladder", steps=2), head("gap")

    costs = network_costs(ladder, gap, SHAPE)
    counted = count_costs(build_on_meta(ladder, gap, SHAPE), 1, 8)
    solution = solve_width(
        own_settings("Ladder", steps=2, width=None), gap, Budget("macs", costs.macs), SHAPE
    )

    assert (costs.depth, costs.width) == (2, 4)
    assert (costs.params, costs.macs) == (counted.params, counted.macs)
    assert network_stages(ladder, gap, SHAPE) == "2x4"
    assert round(solution.width) == 4
    assert solution.residual == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Lader", r"cannot be loaded .AttributeError.*Did you mean .*\.Ladder\?.*PYTHONPATH"),
        ("SHAPE", "cannot be called"),
        ("Other", "is a class and no family: derive it from ScaledFamily"),
        ("own_settings", "is a function and no family"),
        ("NoDataclass", "no dataclass: put @dataclass"),
        ("OddField", "its field steps is of type list.int."),
        ("Silent", "has no method describe"),
    ],
)
def test_name_that_leads_to_no_family_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        family_class(f"{__name__}.{name}")


def test_word_that_is_no_family_names_ours() -> None:
    with pytest.raises(
        ConfigError, match="arch.family=vitt: no such choice. Did you mean 'vit'.*dotted name"
    ):
        family_class("vitt")


def test_fields_of_class_and_file_must_be_the_same() -> None:
    with pytest.raises(ConfigError, match="arch.steps is missing"):
        own_settings("Ladder")
    with pytest.raises(ConfigError, match="Unknown field arch.step. Did you mean 'steps'"):
        own_settings("Ladder", steps=1, step=2)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ("nothing", ConfigError, "Scripted.describe returned a NoneType; it should return Network"),
        ("raises", InfeasibleConfig, r"ZeroDivisionError: .*test_own_family.py, line \d+"),
        ("half", ConfigError, "layer conv has out=2.5, which should be a whole number"),
        ("none", ConfigError, "layer conv has out=0, which is too small"),
        ("twice", ConfigError, "two layers called act"),
        ("dotted", ConfigError, "a layer called 'a.b'"),
        ("text", ConfigError, "layer act is 'relu', which is no layer"),
        ("body", ConfigError, "layer r has a body of type Conv, which should be a Sequence"),
        ("maps", ConfigError, "answers one image with 3 x 8 x 8 numbers; 3 class scores are needed"),
        ("depth", ConfigError, "depth=1.5, which should be whole"),
    ],
)
def test_what_is_no_description_of_a_classifier_is_refused(
    head: Build, answer: str, kind: type[ConfigError], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refusal:
        network_costs(own_settings("Scripted", answer=answer), head("gap"), SHAPE)

    assert refusal.type is kind


def test_budget_of_a_cost_that_falls_is_refused(head: Build) -> None:
    falling = own_settings("Scripted", answer="shrinks", width=None)
    with pytest.raises(ConfigError, match="No width costs more"):
        solve_width(falling, head("gap"), Budget("params", 7000), SHAPE)


@pytest.fixture
def announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package as pip would have installed it, which announces two families."""
    (tmp_path / "announcing.py").write_text(f"from {Path(__file__).stem}_copy import Ladder\n")
    (tmp_path / f"{Path(__file__).stem}_copy.py").write_text(Path(__file__).read_text())
    information = tmp_path / "announcing-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: announcing\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[vggsweep.families]\nladder = announcing:Ladder\nbroken = announcing:Missing\n"
        "vit = announcing:Ladder\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for cached in (own.announced_families, own.own_family):
        cached.cache_clear()
    yield
    for cached in (own.announced_families, own.own_family):
        cached.cache_clear()


@pytest.mark.usefixtures("announced")
def test_installed_package_announces_families_by_name() -> None:
    assert family_class("ladder").__name__ == "Ladder"
    assert family_class("vit").__name__ == "Vit"  # ours is not replaced
    with pytest.raises(
        ConfigError, match="announced by an installed package as announcing:Missing.*Attribute"
    ):
        family_class("broken")
    with pytest.raises(ConfigError, match="Did you mean 'ladder'"):
        family_class("laddr")
