"""``python -m vggsweep.trial_process``: a further process of a trial, started by `vggsweep.trial_group`.

Standard input holds one line of JSON, what to train and which of the processes this is, and stays open: its
end means that the trial's own process is gone. News go back through a pipe.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vggsweep.training.loop import EpochResult

STDIN = 0
SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")


def main() -> None:
    """Train until the last epoch, or until the trial's own process is gone."""
    for name in SIGNALS:  # a terminal's, a scheduler's: the trial's own process decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    header = json.loads(_read_line())
    threading.Thread(target=_end_with_the_trial, args=(header,), name="parent", daemon=True).start()
    sys.path[:] = header["path"]
    news = News(header["news"])
    try:
        train(header, news)
        news.tell(over=True)
    except BaseException as error:
        traceback.print_exc()
        news.tell(**_told(error, header))
        sys.stderr.flush()
        os._exit(1)
    sys.stderr.flush()
    os._exit(0)  # all is with the trial's own process; threads of libraries need not be waited for


def train(header: dict[str, Any], news: News) -> None:
    """Prepare as the trial's own process does, then follow it."""
    from pathlib import Path

    from vggsweep.arch.settings import CustomSettings
    from vggsweep.configuration.network import configured_network
    from vggsweep.configuration.schema import read_configuration
    from vggsweep.data.batches import Share
    from vggsweep.data.cache import RECENT
    from vggsweep.preparation import prepare_data, prepare_device, prepare_network, prepare_training
    from vggsweep.training.distributed import Ranks, connected, find_store
    from vggsweep.training.interruption import StopRequest

    configuration = read_configuration(header["plain"])
    share = Share(header["rank"], configuration.train.nproc)
    device, precision = prepare_device(configuration, rank=share.rank)
    RECENT.share(Path(header["pixels"]))
    configured = configured_network(configuration)
    network = prepare_network(configuration, configured, device)
    with prepare_data(configuration, device, share) as data:
        ranks = Ranks(share, device, is_custom=isinstance(configuration.arch, CustomSettings))
        store = find_store(header["port"], share.of)
        news.tell(ready=True)
        with connected(ranks, store):
            macs = configured.costs.macs
            training = prepare_training(
                configuration, network, precision, macs, tuple(header["rungs"]), ranks, data.class_counts
            )
            training.run(data.train, data.validation, listener=Silence(), stop=StopRequest())


class Silence:
    """Listener of the loop: the trial's own process tells what there is to tell."""

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        """Say nothing."""

    def epoch_ended(self, result: EpochResult) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class News:
    """The pipe to the trial's own process.

    Args:
        pipe: its file descriptor.
    """

    pipe: int

    def tell(self, **what: Any) -> None:
        """Tell one thing."""
        with suppress(OSError):  # nobody is there to listen, and that is why this process ends
            os.write(self.pipe, json.dumps(what).encode() + b"\n")


def _told(error: BaseException, header: dict[str, Any]) -> dict[str, Any]:
    """Why this process ends; nothing where it is another's end that it noticed."""
    from vggsweep.configuration.schema import read_configuration
    from vggsweep.device import devices_of_ranks, resolve_device
    from vggsweep.training.distributed import is_connection_error
    from vggsweep.trial_facts import failure_reason

    if not isinstance(error, Exception) or is_connection_error(error):
        return {}
    configuration = read_configuration(header["plain"])
    device, nproc = resolve_device(configuration.device), configuration.train.nproc
    own = devices_of_ranks(device, nproc)[header["rank"]]
    return {"failure": failure_reason(error, str(own), configuration)}


def _read_line() -> bytes:
    """The header; not through `sys.stdin`, whose lock a loader's process would inherit from the thread."""
    line = b""
    while not line.endswith(b"\n") and (read := os.read(STDIN, 1 << 16)):
        line += read
    return line


def _end_with_the_trial(header: dict[str, Any]) -> None:
    while os.read(STDIN, 1):
        pass
    if header["owns_pixels"]:
        shutil.rmtree(header["pixels"], ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
