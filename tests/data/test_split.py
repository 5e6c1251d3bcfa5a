import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.data.split import class_mixed_order, first_images, stratified_split, validation_count

labels = st.lists(st.integers(0, 6), min_size=2, max_size=200).map(
    lambda values: np.array(values, dtype=np.int64)
)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**40)


@given(labels, fractions, seeds)
def test_the_parts_are_disjoint_and_complete(labels, fraction, seed):
    split = stratified_split(labels, fraction, seed)
    together = np.sort(np.concatenate([split.train, split.validation]))
    assert (together == np.arange(len(labels))).all()
    assert len(split.validation) == validation_count(len(labels), fraction)
    assert len(split.train) > 0 and len(split.validation) > 0


@given(labels, fractions, seeds)
def test_every_class_keeps_its_share_within_one_image(labels, fraction, seed):
    split = stratified_split(labels, fraction, seed)
    for label in np.unique(labels):
        exact = (labels == label).sum() * fraction
        assert abs((labels[split.validation] == label).sum() - exact) < 1 + 1e-9


@given(labels, seeds)
def test_the_first_images_of_the_mixed_order_hold_the_classes_evenly(labels, seed):
    order = class_mixed_order(labels, seed)
    assert (np.sort(order) == np.arange(len(labels))).all()
    counts = np.bincount(labels)
    for limit in range(1, len(labels) + 1):
        taken = np.bincount(labels[order[:limit]], minlength=len(counts))
        not_exhausted = taken[(taken < counts)]
        if len(not_exhausted):
            assert taken.max() - not_exhausted.min() <= 1


def test_balanced_classes_split_evenly():
    labels = np.repeat(np.arange(10), 600)
    split = stratified_split(labels, 0.2, 0)
    assert np.bincount(labels[split.validation]).tolist() == [120] * 10


def test_a_class_of_one_image_goes_to_training():
    split = stratified_split(np.array([0] * 9 + [1]), 0.25, 0)
    assert 9 in split.train


def test_another_seed_gives_another_split():
    labels = np.repeat(np.arange(10), 10)
    first, again, other = (stratified_split(labels, 0.5, seed).train for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("limit", [None, 100, 200])
def test_a_limit_beyond_the_set_takes_all(limit):
    assert (first_images(np.arange(100) % 10, limit, 0) == np.arange(100)).all()
