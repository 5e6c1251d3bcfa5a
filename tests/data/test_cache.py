import threading
import time

from vggsweep.data.cache import RecentCache


def test_a_value_is_loaded_once():
    cache, loads = RecentCache(2), []
    for _ in range(3):
        assert cache.get("a", lambda: loads.append(1) or "value") == "value"
    assert len(loads) == 1


def test_only_the_last_few_are_kept():
    cache, loads = RecentCache(2), []
    for key in "abac":
        cache.get(key, lambda key=key: loads.append(key))
    cache.get("a", lambda: loads.append("a again"))
    assert loads == ["a", "b", "c"]
    assert len(cache) == 2


def test_threads_that_want_the_same_load_it_once():
    cache, loads = RecentCache(2), []

    def load() -> str:
        time.sleep(0.05)
        loads.append(1)
        return "value"

    threads = [threading.Thread(target=cache.get, args=("a", load)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
