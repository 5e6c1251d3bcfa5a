import numpy as np

from vggsweep.data.order import derived_seed, permutation


def test_a_permutation_holds_every_number_once():
    assert sorted(permutation(1000, 3, 0, 7).tolist()) == list(range(1000))


def test_keys_that_differ_anywhere_give_different_orders():
    keys = [(3, 0, 0), (3, 0, 1), (3, 1, 0), (4, 0, 0)]
    assert len({tuple(permutation(50, *key)) for key in keys}) == len(keys)
    assert len({derived_seed(*key) for key in keys}) == len(keys)


def test_large_seeds_are_fine():
    assert 0 <= derived_seed(4, 2**80, 0) < 2**63
    permutation(3, 2**80)


def test_the_global_random_numbers_of_numpy_are_untouched():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    permutation(100, 1)
    assert np.random.random() == expected
