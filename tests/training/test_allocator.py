from __future__ import annotations

import platform

from vggsweep.training.allocator import keep_freed_memory


def test_glibc_takes_the_advice_and_others_say_so() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
    assert keep_freed_memory() == keep_freed_memory()
