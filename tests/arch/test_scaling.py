"""The depth rule and the widths, held against the paper's nets and against what the rule says in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.arch.scaling import block_channels, convolutions_per_block
from vggsweep.errors import InfeasibleConfig


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (5, (1, 1, 1, 1, 1)),
        (8, (1, 1, 2, 2, 2)),  # net A
        (9, (1, 2, 2, 2, 2)),
        (10, (2, 2, 2, 2, 2)),  # net B
        (11, (2, 2, 2, 2, 3)),
        (12, (2, 2, 2, 3, 3)),
        (13, (2, 2, 3, 3, 3)),  # net D
        (14, (2, 2, 3, 3, 4)),
        (15, (2, 2, 3, 4, 4)),
        (16, (2, 2, 4, 4, 4)),  # net E
    ],
)
def test_five_blocks_share_the_depth_as_the_paper_does(depth: int, expected: tuple[int, ...]) -> None:
    assert convolutions_per_block(depth, 5) == expected


@given(num_blocks=st.integers(1, 8), extra=st.integers(0, 30))
def test_depth_is_shared_whole_and_early_blocks_stay_small(num_blocks: int, extra: int) -> None:
    counts = convolutions_per_block(num_blocks + extra, num_blocks)

    assert sum(counts) == num_blocks + extra
    assert len(counts) == num_blocks
    assert min(counts) >= 1
    if num_blocks > 2:
        assert max(counts[:2]) <= 2
    later = counts[2:] if num_blocks > 2 else counts
    assert max(later) - min(later) <= 1
    assert list(later) == sorted(later), "ties go to the deepest"


@given(num_blocks=st.integers(1, 8), extra=st.integers(0, 30))
def test_one_more_convolution_goes_to_exactly_one_block(num_blocks: int, extra: int) -> None:
    fewer = convolutions_per_block(num_blocks + extra, num_blocks)
    more = convolutions_per_block(num_blocks + extra + 1, num_blocks)

    assert sorted(after - before for before, after in zip(fewer, more, strict=True)) == [
        *[0] * (num_blocks - 1),
        1,
    ]


@given(num_blocks=st.integers(2, 8), missing=st.integers(1, 7))
def test_fewer_convolutions_than_blocks_are_refused(num_blocks: int, missing: int) -> None:
    depth = max(1, num_blocks - missing)
    with pytest.raises(InfeasibleConfig, match=f"arch.depth={depth} .* arch.num_blocks={num_blocks}"):
        convolutions_per_block(depth, num_blocks)


def test_width_64_gives_the_channels_of_the_paper() -> None:
    assert block_channels(64, 5) == (64, 128, 256, 512, 512)


def test_width_16_gives_the_channels_of_the_chapter_doubled_to_eightfold() -> None:
    assert block_channels(16, 6) == (16, 32, 64, 128, 128, 128)


def test_each_block_is_rounded_by_itself() -> None:
    assert block_channels(10.4, 5) == (10, 21, 42, 83, 83)
    assert block_channels(2.5, 2) == (3, 5)


@given(
    width=st.floats(0.01, 300),
    num_blocks=st.integers(1, 7),
    multiple=st.sampled_from([1, 2, 8, 16]),
)
def test_channels_are_the_nearest_multiple_and_never_none(
    width: float, num_blocks: int, multiple: int
) -> None:
    for index, channels in enumerate(block_channels(width, num_blocks, multiple)):
        exact = width * min(2**index, 8)
        assert channels % multiple == 0
        assert channels >= multiple
        assert channels == multiple or abs(channels - exact) <= multiple / 2


@given(width=st.floats(0.01, 300), more=st.floats(0, 50), multiple=st.sampled_from([1, 8]))
def test_no_block_gets_narrower_as_width_grows(width: float, more: float, multiple: int) -> None:
    narrow, wide = block_channels(width, 5, multiple), block_channels(width + more, 5, multiple)

    assert all(after >= before for before, after in zip(narrow, wide, strict=True))
    assert list(narrow) == sorted(narrow)
