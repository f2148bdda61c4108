"""Processes start, show what they said, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from webhook_kit.testing.processes import Process, free_port, wait_until

PYTHON = sys.executable
FOREVER = [PYTHON, "-c", "import time; print('up'); time.sleep(600)"]
# a child and a grandchild; the grandchild's id is written
FAMILY = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid); p.wait()"


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_wait_until_returns_the_first_true_answer() -> None:
    answers = iter([None, 0, "yes", "later"])
    assert wait_until(lambda: next(answers)) == "yes"


def test_wait_until_says_what_it_waited_for() -> None:
    with pytest.raises(TimeoutError, match=r"in vain for the tide; the last answer was False"):
        wait_until(lambda: False, 0.05, "the tide")


def test_a_free_port_can_be_served_on_and_waited_for() -> None:
    port = free_port()
    with Process([PYTHON, "-m", "http.server", str(port), "--bind", "127.0.0.1"]) as server:
        server.wait_http(f"http://127.0.0.1:{port}/")
        assert server.running
    assert not server.running
    assert server.returncode == -signal.SIGTERM


def test_environment_directory_and_log_are_the_callers(tmp_path: Path) -> None:
    code = "import os; print(os.environ['GREETING'], os.getcwd(), 'PATH' in os.environ)"
    with Process([PYTHON, "-c", code], env={"GREETING": "hello"}, cwd=tmp_path, log=tmp_path / "log") as child:
        assert child.wait() == 0
    assert (tmp_path / "log").read_text() == f"hello {tmp_path} True\n" == child.output()


def test_a_failed_wait_shows_the_output() -> None:
    with Process(FOREVER) as child:
        child.wait_until(lambda: "up" in child.output())
        with pytest.raises(TimeoutError, match=r"(?s)in vain for the moon.*output of <Process .*\nup"):
            child.wait_until(lambda: False, 0.05, "the moon")
        with pytest.raises(TimeoutError, match=r"(?s)the end of .*\nup"):
            child.wait(0.05)


def test_waiting_for_a_process_that_ended_fails_at_once() -> None:
    with (
        Process([PYTHON, "-c", "raise SystemExit('no such option')"]) as child,
        pytest.raises(ChildProcessError, match=r"(?s)ended with status 1 before readiness.*no such option"),
    ):
        child.wait_until(lambda: False, message="readiness")


def test_kill_takes_the_whole_group() -> None:
    with Process([PYTHON, "-c", FAMILY]) as parent:
        grandchild = int(parent.wait_until(parent.output))
        assert parent.kill() == -signal.SIGKILL
        wait_until(lambda: gone(grandchild), message="the end of the grandchild")


def test_terminate_leaves_no_straggler() -> None:
    with Process([PYTHON, "-c", FAMILY]) as parent:
        grandchild = int(parent.wait_until(parent.output))
        assert parent.terminate() == -signal.SIGTERM
        wait_until(lambda: gone(grandchild), message="the end of the grandchild")


def test_terminate_kills_what_does_not_listen() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    with Process([PYTHON, "-c", code]) as deaf:
        deaf.wait_until(deaf.output)
        assert deaf.terminate(0.1) == -signal.SIGKILL


def test_a_child_dies_of_ctrl_c_although_we_ignore_it() -> None:
    """A test run in the background of a script ignores it, and what is ignored a child inherits."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Process(["sleep", "600"]) as child:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            os.kill(child.pid, signal.SIGINT)
            assert child.wait() == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_starts_again_after_the_end_but_not_twice() -> None:
    with Process(FOREVER) as child:
        child.wait_until(child.output)
        first = child.pid
        with pytest.raises(RuntimeError, match="runs already"):
            child.start()
        child.kill()
        assert child.start().pid != first
        child.wait_until(lambda: child.output().count("up") == 2)


def test_ending_what_never_ran_is_harmless() -> None:
    child = Process(FOREVER)
    assert child.terminate() is None
    assert child.kill() is None
    with pytest.raises(RuntimeError, match="never started"):
        _ = child.pid


def test_nothing_outlives_us_even_when_we_are_killed() -> None:
    """A process in the middle starts a family, from a thread that ends, and is then killed with SIGKILL."""
    middle = f"""
import sys, threading, time
from webhook_kit.testing.processes import Process
def start():
    global child
    child = Process([sys.executable, "-c", {FAMILY!r}]).start()
    child.wait_until(child.output)
thread = threading.Thread(target=start); thread.start(); thread.join()
print(child.pid, child.output().strip(), flush=True)
time.sleep(600)
"""
    with Process([PYTHON, "-c", middle]) as process:
        child, grandchild = map(int, process.wait_until(process.output).split())
        assert not gone(child)
        assert not gone(grandchild)
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: gone(child) and gone(grandchild), message="the end of the family")
