"""Any words at all: refused in one paragraph, or obeyed to the letter; never a traceback, never dropped."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vggsweep.configuration.compose import compose, expand_aliases, group_options
from vggsweep.configuration.refusal import field_names
from vggsweep.configuration.schema import resolved
from vggsweep.configuration.words import parse, word
from vggsweep.errors import ConfigError
from vggsweep.sweep.application import Application

FIELDS = sorted({*field_names(compose([])), "n_trials", "n_workers", "hydra.run.dir", "hydra.sweeper.n_jobs"})
GROUPS = (
    "arch",
    "head",
    "optimizer",
    "scheduler",
    "experiment",
    "space",
    "budget",
    "measure",
    "hydra/sweeper",
)
NEAR = (
    "lr",
    "epochs",
    "arch.dept",
    "optimizer.betas",
    "arch.options.x",
    "model",
    "experiment/mnist",
    "~seed",
)
PIECES = (
    "null", "true", "4", "8", "1e-3", "0.5", "vgg16", "adam", "sgd", "4,8", "range(4,9)",
    "interval(1,4)", "choice(a,null)", "glob(*)", "[[1,8]]", "{a: 1}", "'a b'", "a b", "größe", "~/x",
    "(2)", "#3", "a=b", "${seed}", "${oc.env:NOPE}", "${hydra:job.num}",
    "${hydra:runtime.choices.arch}", "4..8", "", "\\", "'",
)  # fmt: skip

USUAL = resolved(compose([]))
LEAVES = {name: OmegaConf.select(OmegaConf.create(USUAL), name) for name in field_names(compose([]))}
# Words that are right by themselves: each field at its default, and what people sweep.
RIGHT = [word(name, value) for name, value in LEAVES.items() if not OmegaConf.is_config(value)] + [
    "arch.depth=4,6", "arch.width=4,8", "arch.depth=range(4,7)", "optimizer=sgd,adam",
    "optimizer.lr=interval(0.1,1)", "train.ema=null,0.9", "space=depth_width", "experiment=quickstart",
    "arch=vgg11,vgg13", "hydra/sweeper=basic", "optimizer.lr=tag(log,interval(0.1,1))",
    "arch.stages=[[1,8],[1,16]]", "objective=acc_vs_macs", "n_trials=3", "+arch.options.x='a, b'",
    "arch.batch_norm=true,false", "sweep.name='a b'", "hydra/sweeper=optuna",
    "sweep.enqueue=[{arch.depth: 4}]", "arch=glob(vgg1*)", "dataset.root='~/größe (2)'",
    "pruner=pareto",
]  # fmt: skip

fields = st.sampled_from([*FIELDS, *GROUPS, *NEAR])
values = st.one_of(
    st.sampled_from(PIECES),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map(",".join),
    st.text(max_size=12).map(lambda text: word("x", text).removeprefix("x=")),
    st.text(max_size=12),
)
strange = st.one_of(
    st.builds("{}{}={}".format, st.sampled_from(["", "", "", "+", "++", "~"]), fields, values),
    st.builds("{}={}".format, st.text(max_size=8), values),
    st.text(min_size=1, max_size=12),
)
lines = st.builds(
    lambda right, odd: [*right, *odd],
    st.lists(st.sampled_from(RIGHT), min_size=1, max_size=3),
    st.lists(strange, max_size=1),
)


def obeyed_or_refused(line: Sequence[str], *, is_sweep: bool) -> None:
    """Check a line as the command does, and hold what it accepts against what was typed."""
    try:
        added = Application(tuple(line), is_sweep=is_sweep, command="vggsweep …").check()
    except ConfigError as refusal:
        text = str(refusal)
        assert text.strip()
        assert "\n" not in text.replace(repr(line)[1:-1], "")
        assert "Traceback" not in text
        assert "full_key" not in text
        return
    parse(added.words)  # what is handed to Hydra beside it is something that Hydra reads
    if is_sweep:
        return
    config = compose(line)
    last = {one.key_or_group: one for one in parse(expand_aliases(line)) if not one.is_delete()}
    for key, override in last.items():
        if key.startswith("hydra") or group_options(key) or isinstance(override.value(), dict):
            continue
        typed = OmegaConf.create({**OmegaConf.to_container(config), "typed": override.value()}).typed
        assert OmegaConf.select(config, key) == typed, key


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(lines, st.booleans())
def test_any_line_is_obeyed_or_refused_in_one_paragraph(line: list[str], is_sweep: bool) -> None:
    obeyed_or_refused(line, is_sweep=is_sweep)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(lines, st.booleans())
def test_any_of_many_lines_is_obeyed_or_refused_in_one_paragraph(line: list[str], is_sweep: bool) -> None:
    obeyed_or_refused(line, is_sweep=is_sweep)
