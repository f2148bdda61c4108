"""Child processes: start, output, waiting, and the end of the whole group."""

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
# a child with a grandchild, whose process id it prints
WITH_GRANDCHILD = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid); p.wait()"


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_wait_until_returns_the_first_true_result() -> None:
    results = iter([None, 0, "yes", "later"])
    assert wait_until(lambda: next(results)) == "yes"


def test_wait_until_names_the_condition_after_a_timeout() -> None:
    with pytest.raises(TimeoutError, match=r"waiting for the tide; the last result was False"):
        wait_until(lambda: False, 0.05, "the tide")


def test_wait_http_waits_for_a_server_on_a_free_port() -> None:
    port = free_port()
    with Process([PYTHON, "-m", "http.server", str(port), "--bind", "127.0.0.1"]) as server:
        server.wait_http(f"http://127.0.0.1:{port}/")
        assert server.running
    assert not server.running
    assert server.returncode == -signal.SIGTERM


def test_environment_directory_and_log_can_be_set(tmp_path: Path) -> None:
    code = "import os; print(os.environ['GREETING'], os.getcwd(), 'PATH' in os.environ)"
    with Process([PYTHON, "-c", code], env={"GREETING": "hello"}, cwd=tmp_path, log=tmp_path / "log") as child:
        assert child.wait() == 0
    assert (tmp_path / "log").read_text() == f"hello {tmp_path} True\n" == child.output()


def test_a_timeout_shows_the_output() -> None:
    with Process(FOREVER) as child:
        child.wait_until(lambda: "up" in child.output())
        with pytest.raises(TimeoutError, match=r"(?s)waiting for the moon.*output of <Process .*\nup"):
            child.wait_until(lambda: False, 0.05, "the moon")
        with pytest.raises(TimeoutError, match=r"(?s)the end of .*\nup"):
            child.wait(0.05)


def test_waiting_for_a_process_that_ended_fails_at_once() -> None:
    with (
        Process([PYTHON, "-c", "raise SystemExit('no such option')"]) as child,
        pytest.raises(ChildProcessError, match=r"(?s)ended with status 1 before readiness.*no such option"),
    ):
        child.wait_until(lambda: False, message="readiness")


def test_kill_ends_the_whole_group() -> None:
    with Process([PYTHON, "-c", WITH_GRANDCHILD]) as parent:
        grandchild = int(parent.wait_until(parent.output))
        assert parent.kill() == -signal.SIGKILL
        wait_until(lambda: has_ended(grandchild), message="the end of the grandchild")


def test_terminate_ends_the_whole_group() -> None:
    with Process([PYTHON, "-c", WITH_GRANDCHILD]) as parent:
        grandchild = int(parent.wait_until(parent.output))
        assert parent.terminate() == -signal.SIGTERM
        wait_until(lambda: has_ended(grandchild), message="the end of the grandchild")


def test_terminate_kills_a_process_that_ignores_it() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    with Process([PYTHON, "-c", code]) as process:
        process.wait_until(process.output)
        assert process.terminate(0.1) == -signal.SIGKILL


def test_a_child_ends_on_ctrl_c_although_this_process_ignores_it() -> None:
    """A test run in the background of a script ignores SIGINT, and its children inherit that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Process(["sleep", "600"]) as child:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            os.kill(child.pid, signal.SIGINT)
            assert child.wait() == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_process_can_be_started_again_only_after_its_end() -> None:
    with Process(FOREVER) as child:
        child.wait_until(child.output)
        first = child.pid
        with pytest.raises(RuntimeError, match="is already running"):
            child.start()
        child.kill()
        assert child.start().pid != first
        child.wait_until(lambda: child.output().count("up") == 2)


def test_ending_a_process_that_was_never_started_does_nothing() -> None:
    child = Process(FOREVER)
    assert child.terminate() is None
    assert child.kill() is None
    with pytest.raises(RuntimeError, match="never started"):
        _ = child.pid


def test_the_group_ends_when_its_parent_is_killed() -> None:
    """The parent starts a child with a grandchild, from a thread that ends, and is then killed with SIGKILL."""
    parent_code = f"""
import sys, threading, time
from webhook_kit.testing.processes import Process
def start():
    global child
    child = Process([sys.executable, "-c", {WITH_GRANDCHILD!r}]).start()
    child.wait_until(child.output)
thread = threading.Thread(target=start); thread.start(); thread.join()
print(child.pid, child.output().strip(), flush=True)
time.sleep(600)
"""
    with Process([PYTHON, "-c", parent_code]) as process:
        child, grandchild = map(int, process.wait_until(process.output).split())
        assert not has_ended(child)
        assert not has_ended(grandchild)
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: has_ended(child) and has_ended(grandchild), message="the end of child and grandchild")
