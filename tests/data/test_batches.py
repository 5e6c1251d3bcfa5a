import errno
import gc
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from vggsweep.data import transport
from vggsweep.data.batches import BatchPlan, BatchSource, Share
from vggsweep.data.reading import read_images
from vggsweep.data.transport import can_hand_over
from vggsweep.errors import DataError

RESIDENT, STREAMING = {"loader": "resident"}, {"loader": "streaming", "workers": 2}


def batches_of(source: BatchSource, *epochs: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [batch for epoch in epochs for batch in source.epoch(epoch)]


def assert_equal(first: list, second: list) -> None:
    assert len(first) == len(second)
    for (x, y), (other_x, other_y) in zip(first, second, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def workers_of_this_process() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


@pytest.mark.parametrize(("num_images", "sizes"), [(10, [4, 4, 2]), (9, [4, 4]), (8, [4, 4]), (3, [3])])
def test_training_leaves_out_a_last_batch_of_one(num_images, sizes):
    plan = BatchPlan(num_images, 4, seed=0, is_training=True)
    assert [len(batch) for batch in plan.batches(0)] == sizes
    assert plan.steps_per_epoch == len(sizes)


def test_evaluation_takes_every_image_in_order():
    plan = BatchPlan(9, 4, seed=0, is_training=False)
    assert np.concatenate(plan.batches(5)).tolist() == list(range(9))
    assert plan.steps_per_epoch == 3


def test_a_batch_size_of_one_trains_on_every_image():
    assert BatchPlan(3, 1, seed=0, is_training=True).steps_per_epoch == 3


def test_epochs_and_seeds_shuffle_differently():
    orders = [
        tuple(np.concatenate(BatchPlan(50, 7, seed, is_training=True).batches(epoch)).tolist())
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    assert len(set(orders)) == 4


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("channels_last", [True, False])
def test_streaming_gives_the_batches_of_resident(workers, channels_last, dataset, load):
    assert_loaders_agree("random_erasing", workers, channels_last, dataset, load)


@pytest.mark.parametrize("augment", ["randaugment", "trivialaugment", "mixup", "cutmix"])
def test_streaming_draws_and_mixes_as_resident_does(augment, dataset, load):
    assert_loaders_agree(augment, 0, True, dataset, load)


def assert_loaders_agree(augment, workers, channels_last, dataset, load):
    options = {"augment": augment, "channels_last": channels_last, "seed": 3}
    resident = load(dataset(limit=200, **RESIDENT), **options)
    streaming = load(dataset(limit=200, loader="streaming", workers=workers), **options)
    assert (resident.loader, streaming.loader) == ("resident", "streaming")
    assert_equal(batches_of(resident.train, 0, 1, 2), batches_of(streaming.train, 0, 1, 2))
    assert_equal(batches_of(resident.validation, 0), batches_of(streaming.validation, 0))


@pytest.mark.parametrize("of", [2, 3, 7])
@pytest.mark.parametrize("loader", [RESIDENT, {"loader": "streaming", "workers": 0}])
@pytest.mark.parametrize("augment", ["random_erasing", "randaugment", "mixup", "cutmix"])
def test_processes_that_share_each_batch_have_the_images_of_one(augment, loader, of, dataset, load):
    """The last batch has five images, so that some of seven processes have none of it."""
    whole = load(dataset(limit=101, **loader), augment)
    parts = [load(dataset(limit=101, **loader), augment, share=Share(rank, of)) for rank in range(of)]
    for sources in ([whole.train, *(part.train for part in parts)], [d.validation for d in (whole, *parts)]):
        first, *others = (batches_of(source, 1) for source in sources)
        shares = [
            (torch.cat(xs), torch.cat(ys))
            for xs, ys in (zip(*b, strict=True) for b in zip(*others, strict=True))
        ]
        assert_equal(first, shares)
        assert {source.num_images for source in sources} == {sources[0].num_images}


@pytest.mark.parametrize(
    ("loader", "augment"),
    [
        (RESIDENT, "crop_flip"),
        (STREAMING, "crop_flip"),
        *((RESIDENT, one) for one in ("randaugment", "trivialaugment", "mixup", "cutmix")),
    ],
)
def test_an_epoch_needs_no_history(loader, augment, dataset, load):
    in_order = load(dataset(limit=100, **loader), augment)
    resumed = load(dataset(limit=100, **loader), augment)
    batches_of(in_order.train, 0, 1)
    assert_equal(batches_of(in_order.train, 2), batches_of(resumed.train, 2))


@pytest.mark.parametrize("loader", [RESIDENT, STREAMING, {"loader": "streaming", "workers": 0}])
def test_global_random_numbers_are_untouched(loader, dataset, load):
    torch.manual_seed(0)
    np.random.seed(0)
    before, before_numpy = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    for augment in ("random_erasing", "randaugment", "cutmix"):
        data = load(dataset(limit=100, **loader), augment)
        batches_of(data.train, 0, 1)
        batches_of(data.validation, 0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (np.random.get_state()[1] == before_numpy).all()


def test_an_abandoned_epoch_does_not_disturb_the_next(dataset, load):
    data = load(dataset(limit=300, **STREAMING), "flip", batch_size=8)
    expected = batches_of(load(dataset(limit=300, **RESIDENT), "flip", batch_size=8).train, 1)
    interrupted = data.train.epoch(0)
    next(interrupted)
    interrupted.close()
    assert_equal(batches_of(data.train, 1), expected)


@pytest.mark.parametrize("loader", [RESIDENT, STREAMING])
def test_batches_have_the_promised_shape_and_layout(loader, dataset, load):
    data = load(dataset("fashion_mnist_mini", limit=70, resolution=48, **loader), channels_last=True)
    assert data.train.num_images == 70
    assert data.train.batch_size == 32
    batches = batches_of(data.train, 0)
    assert data.train.steps_per_epoch == len(batches)
    assert [tuple(x.shape) for x, _ in batches] == [(32, 1, 48, 48), (32, 1, 48, 48), (6, 1, 48, 48)]
    for x, y in batches:
        assert x.dtype == torch.float32
        assert y.dtype == torch.int64
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_closing_leaves_no_process_behind(dataset, load):
    data = load(dataset(limit=100, **STREAMING))
    next(data.train.epoch(0))
    next(data.validation.epoch(0))
    assert len(workers_of_this_process()) == 4
    data.close()
    data.close()
    assert workers_of_this_process() == []


def test_ctrl_c_does_not_end_the_workers(dataset, load):
    data = load(dataset(limit=300, **STREAMING), batch_size=8)
    epoch = data.train.epoch(0)
    next(epoch)
    for worker in workers_of_this_process():
        worker.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert len(list(epoch)) == data.train.steps_per_epoch - 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_killed_worker_is_one_paragraph_with_advice(dataset, load):
    data = load(dataset(limit=2000, loader="streaming", workers=1), batch_size=16)
    next(data.train.epoch(0))
    (worker,) = workers_of_this_process()
    killer = threading.Timer(0.1, worker.kill)
    killer.start()
    advice = r"process that loads images died .* try fewer than dataset.workers=1"
    with pytest.raises(DataError, match=advice) as caught:
        batches_of(data.train, *range(1000))
    killer.join()
    assert "\n" not in str(caught.value)
    assert workers_of_this_process() == []
    # the broken connection of multiprocessing hangs on the traceback: collect it here, not in another test
    del caught
    gc.collect()


def test_a_temporary_folder_with_a_long_path_costs_no_batch(dataset, load, tmp_path, monkeypatch):
    """Sockets have paths of 107 bytes at most; a worker that could not open one lost its batch in silence."""
    expected = batches_of(load(dataset(limit=100, **RESIDENT)).train, 0)
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", None)
    assert not can_hand_over()
    assert_equal(batches_of(load(dataset(limit=100, **STREAMING)).train, 0), expected)


@pytest.mark.parametrize("path", ["/missing", "/proc"])
def test_without_shared_memory_batches_come_through_a_pipe(path, dataset, load, monkeypatch):
    """A container's /dev/shm may be missing, or have no room, as /proc has none."""
    expected = batches_of(load(dataset(limit=100, **RESIDENT)).train, 0)
    monkeypatch.setattr(transport, "SHARED_MEMORY", Path(path))
    assert isinstance(transport.shared(np.zeros(3, dtype=np.uint8)), np.ndarray)
    assert_equal(batches_of(load(dataset(limit=100, **STREAMING)).train, 0), expected)


def test_processes_that_cannot_start_are_one_paragraph_with_advice(dataset, load, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(multiprocessing, "Semaphore", refuse)
    with pytest.raises(DataError, match=r"cannot start \(No space left on device\).*dataset.workers=0"):
        batches_of(load(dataset(limit=100, **STREAMING)).train, 0)


@pytest.mark.parametrize("loader", [RESIDENT, STREAMING])
def test_every_unreadable_picture_is_named_at_once_by_either_loader(
    loader, dataset, load, pictures, tmp_path
):
    """Also those of the validation part, which is read later."""
    pictures(tmp_path, {"cats": 10, "dogs": 10})
    for number in range(10):
        (tmp_path / "dogs" / f"{number:03}.png").write_bytes(b"no picture")
    settings = dataset("image_folder", root=str(tmp_path), resolution=16, **loader)
    with pytest.raises(DataError, match=r"10 files cannot be read as pictures: .*dogs/000.png") as caught:
        batches_of(load(settings, batch_size=2).train, 0)
    assert all(
        f"dogs/{number:03}.png (its content is that of no" in str(caught.value) for number in range(10)
    )
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("loader", [RESIDENT, STREAMING])
def test_what_vanishes_after_it_was_listed_is_named(loader, dataset, load, pictures, tmp_path):
    pictures(tmp_path, {"cats": 10, "dogs": 10})
    settings = dataset("image_folder", root=str(tmp_path), resolution=16, **loader)
    read_images(settings, "train")
    directory_time = (tmp_path / "cats").stat().st_mtime_ns
    (tmp_path / "cats" / "003.png").unlink()
    os.utime(tmp_path / "cats", ns=(directory_time, directory_time))
    with pytest.raises(DataError, match=r"cats/003.png cannot be read as a picture \(No such file"):
        batches_of(load(settings).train, 0)


def test_pictures_come_equal_from_either_loader(dataset, load, pictures, tmp_path):
    pictures(tmp_path, {"cats": 20, "dogs": 30})
    first, second = (
        load(
            dataset("image_folder", root=str(tmp_path), resolution=16, **loader),
            "random_erasing",
            batch_size=8,
        )
        for loader in (RESIDENT, STREAMING)
    )
    assert first.train.num_images == 40
    assert_equal(batches_of(first.train, 0, 1), batches_of(second.train, 0, 1))


@pytest.mark.cuda
@pytest.mark.parametrize("resolution", [32, 20, 64])
def test_both_loaders_are_equal_on_a_gpu_and_close_to_the_cpu(resolution, dataset, load):
    settings = {"limit": 200, "resolution": resolution}
    first, second = (
        load(dataset(**settings, **loader), "random_erasing", device="cuda", channels_last=True)
        for loader in (RESIDENT, STREAMING)
    )
    assert_equal(batches_of(first.train, 0, 1), batches_of(second.train, 0, 1))
    on_cpu = load(dataset(**settings, **RESIDENT))
    for (x, y), (cpu_x, cpu_y) in zip(first.validation.epoch(0), on_cpu.validation.epoch(0), strict=True):
        torch.testing.assert_close(x.cpu(), cpu_x, atol=1e-4, rtol=1e-4)
        assert torch.equal(y.cpu(), cpu_y)
