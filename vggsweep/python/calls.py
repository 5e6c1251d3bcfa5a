"""``vggsweep.train``, ``sweep`` and ``summary``: what the command and its verb of that name do.

The words, the checks, the names of directories and what is printed are the command's own. What would be its
exit code is an exception: 1 a `VggsweepError`, 2 a `ConfigError`, 130 a `Stopped`.
"""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vggsweep.configuration.secrets import masked
from vggsweep.configuration.words import word
from vggsweep.errors import ConfigError, VggsweepError
from vggsweep.python.sweep import Sweep
from vggsweep.python.trial import Trial
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.visible import show

if TYPE_CHECKING:
    import pandas as pd


def train(overrides: Iterable[str] = (), *, config_dir: str | Path | None = None) -> Trial:
    """Train one configuration, as ``vggsweep OVERRIDES`` does; an unfinished one is continued.

    Args:
        overrides: the words of the command, such as ``["arch.depth=8", "train.epochs=3"]``.
        config_dir: a directory with options of your own, as ``--config-dir``.

    Returns:
        The trained trial.

    Raises:
        ConfigError: a word is wrong; nothing was written.
        TrialFailed: training went wrong, such as a loss that is no number.
        Stopped: Ctrl-C, or the interrupt of a notebook's kernel; the same call continues.
        VggsweepError: the disk is full, a data set is missing, another thread trains.

    >>> train(["arch.dept=8"])
    Traceback (most recent call last):
    ...
    vggsweep.errors.ConfigError: Unknown field arch.dept. Did you mean 'arch.depth'? ...
    """
    trained = _run(overrides, config_dir, is_sweep=False)
    from vggsweep.sweep.hydra_task import Trained, closing_block  # torch, as below

    assert isinstance(trained, Trained)
    show(closing_block(trained.record, trained.directory))
    return Trial(trained.record, trained.directory.path)


def sweep(
    overrides: Iterable[str] = (),
    *,
    n_trials: int | None = None,
    n_workers: int | None = None,
    config_dir: str | Path | None = None,
) -> Sweep:
    """Run a sweep to its end, as ``vggsweep -m OVERRIDES`` does; one that was begun is continued.

    Args:
        overrides: the words of the command, such as ``["arch.depth=4,6,8", "objective=acc_vs_macs"]``.
        n_trials: how many trials in all; None for what the words say, else 20.
        n_workers: processes that train at once; None for what the words say, else 1.
        config_dir: a directory with options of your own, as ``--config-dir``.

    Returns:
        The finished sweep.

    Raises:
        ConfigError: a word is wrong, or the sweep was begun with other settings; nothing was written.
        Stopped: Ctrl-C, or the interrupt of a notebook's kernel; the same call continues.
        SweepError: it stopped early, or no trial completed; `open_sweep` reads what there is.
        VggsweepError: the disk is full, a data set is missing, another thread trains.

    >>> sweep(["arch.depth=8"])
    Traceback (most recent call last):
    ...
    vggsweep.errors.ConfigError: -m needs something to vary: sweep a field (arch.depth=4,6,8), ...
    """
    from vggsweep.sweep.outcome import SweepEnding

    counts = {"n_trials": n_trials, "n_workers": n_workers}
    words = [word(name, value) for name, value in counts.items() if value is not None]
    ending = _run(overrides, config_dir, words, is_sweep=True)
    assert isinstance(ending, SweepEnding)
    ending.check()
    return Sweep(sweep_directory(ending.name).path)


def summary(
    overrides: Iterable[str] = (), *, expand: bool = False, config_dir: str | Path | None = None
) -> pd.DataFrame:
    """The layers of a configuration and what they cost, as ``vggsweep summary OVERRIDES`` shows them.

    Args:
        overrides: the words of the command, such as ``["arch=vgg16", "dataset.resolution=224"]``.
        expand: show the layers inside each block.
        config_dir: a directory with options of your own, as ``--config-dir``.

    Returns:
        One row for each layer, by its name: ``type``, ``output_shape`` (for one image), ``params`` and
        ``macs``, which add up to the network's.

    Raises:
        ConfigError: a word is wrong, or there is no such network.

    >>> summary(["arch=vgg11", "dataset.resolution=224"]).loc["block1", "output_shape"]
    (1, 64, 112, 112)
    """
    import pandas as pd

    from vggsweep.arch.describe import network_layers
    from vggsweep.configuration.compose import compose
    from vggsweep.configuration.network import configured_network
    from vggsweep.configuration.schema import read_configuration, resolved

    extra_dir = None if config_dir is None else Path(config_dir)
    network = configured_network(
        read_configuration(resolved(compose(_words(overrides), extra_dir=extra_dir)))
    )
    network.check()
    layers = network_layers(network.arch, network.head, network.shape, expand=expand)
    return pd.DataFrame([asdict(layer) for layer in layers]).set_index("name")


def _run(
    overrides: Iterable[str], config_dir: str | Path | None, more: Sequence[str] = (), *, is_sweep: bool
) -> object:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's of ipywidgets, which we need not
        from vggsweep.sweep.application import Application  # Hydra, Optuna, and what else a sweep needs

    words = (*_words(overrides), *more)
    own = [] if config_dir is None else ["--config-dir", os.fspath(config_dir)]
    application = Application(
        words,
        is_sweep,
        command=shlex.join(["vggsweep", *(["-m"] if is_sweep else []), *own, *words]),
        extra_dir=None if config_dir is None else Path(config_dir),
    )
    with _passwords_masked():
        checked = application.check()
        from vggsweep.device import settings_restored  # torch, which a wrong line need not wait for

        with settings_restored():
            return application.run(checked, configures_logging=False)


def _words(overrides: Iterable[str]) -> list[str]:
    if isinstance(overrides, str):
        raise ConfigError(f"The overrides should be a list of words: [{overrides!r}].")
    words = list(overrides)
    for one in words:
        if not isinstance(one, str):
            raise ConfigError(f"{one!r} is no word; an override is a text such as 'arch.depth=8'.")
        if one.startswith("-"):
            raise ConfigError(
                f"{one} is a flag of the command, and a call takes overrides: vggsweep.sweep([…]) is -m, and "
                "config_dir='…' is --config-dir."
            )
    return words


@contextmanager
def _passwords_masked() -> Iterator[None]:
    """No exception shows the password of a database's address."""
    try:
        yield
    except VggsweepError as error:
        if error.args and (text := masked(str(error))) != str(error):
            error.args = (text, *error.args[1:])
        raise
