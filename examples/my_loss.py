"""A loss of one's own: the focal loss (Lin et al. 2017, arXiv:1708.02002), which looks less at easy images.

PYTHONPATH=examples vggsweep -m loss=custom loss.target=my_loss.focal '+loss.options.gamma=0,2' train.epochs=2
"""

from torch import Tensor


def focal(scores: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Mean over the batch; with gamma 0 it is cross-entropy.

    Args:
        scores: float (N, classes), before any softmax.
        labels: int64 (N,).
        gamma: how little an image counts that is already right.
    """
    log_probability = scores.log_softmax(dim=1).gather(1, labels[:, None]).squeeze(1)
    return ((1 - log_probability.exp()) ** gamma * -log_probability).mean()
