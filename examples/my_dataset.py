"""A data set of one's own: noisy drawings of three shapes, made anew from a seed.

PYTHONPATH=examples vggsweep dataset=custom dataset.target=my_dataset.shapes dataset.channels=1 train.epochs=2
"""

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64], list[str]]
NAMES = ["circle", "square", "cross"]


def shapes(train_images: int = 1200, test_images: int = 300, size: int = 28, noise: int = 60) -> Arrays:
    """Draw the images: the same ones at every call, as results on other images do not compare.

    Returns:
        x_train, y_train, x_test, y_test and the class names; images uint8 (N, size, size).
    """
    random = np.random.default_rng(0)
    count = train_images + test_images
    labels = random.integers(0, len(NAMES), count)
    centre = random.uniform(0.35, 0.65, (2, count, 1, 1)) * size
    radius = random.uniform(0.15, 0.3, (count, 1, 1)) * size
    down, right = np.abs(np.indices((size, size))[:, None] - centre)
    circle = np.hypot(down, right) < radius
    square = np.maximum(down, right) < 0.9 * radius
    cross = (np.minimum(down, right) < 0.35 * radius) & (np.maximum(down, right) < radius)
    drawn = np.stack([circle, square, cross])[labels, np.arange(count)]
    images = (120 * drawn + random.integers(0, noise + 1, drawn.shape)).astype(np.uint8)
    return images[:train_images], labels[:train_images], images[train_images:], labels[train_images:], NAMES
