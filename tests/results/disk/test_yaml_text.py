from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vggsweep.results.disk.yaml_text import yaml_text

# what YAML 1.1 cannot hold at all (control characters) no configuration holds either
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cc", "Cs"]))
TRICKY = st.sampled_from(
    ["1e-3", "1_000", ".5", "+1", "on", "null", "~", "", "1:30", "nan", "-.inf", "a: b", "0x1f"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | TRICKY
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1).filter(
    lambda name: name not in ("y", "n", "on", "no")
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_hydra_reads_back_what_was_written(plain: dict[str, Any]) -> None:
    text = yaml_text(plain)
    assume("${" not in text and "???" not in text)  # OmegaConf reads these as more than text
    assert OmegaConf.to_container(OmegaConf.create(text)) == plain


def test_people_read_one_field_a_line() -> None:
    assert yaml_text({"arch": {"stages": [[1, 8]], "name": "vgg"}}) == (
        "arch:\n  stages:\n  - - 1\n    - 8\n  name: vgg\n"
    )
