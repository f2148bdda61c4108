from __future__ import annotations

import platform
import subprocess
import sys

import pytest

THREADS = """
import ctypes, sys, threading
from webhook_kit.arenas import limit_arenas

if sys.argv[1] == "limited":
    limit_arenas()
done = threading.Barrier(20)
malloc = ctypes.CDLL(None).malloc  # ctypes lets go of the interpreter, so that the threads allocate at the same time

def allocate():
    done.wait()
    for _ in range(1000):
        malloc(1000)
    done.wait()

threads = [threading.Thread(target=allocate) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
@pytest.mark.parametrize(("how", "fewest", "most"), [("limited", 1, 2), ("by default", 3, 1000)])
def test_threads_share_two_heaps(how: str, fewest: int, most: int) -> None:
    ended = subprocess.run([sys.executable, "-c", THREADS, how], capture_output=True, text=True, check=True)
    assert fewest <= ended.stderr.count("Arena ") <= most
