"""The server behind a relay is replaced without a refused connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from webhook_kit.dev import relay as module
from webhook_kit.dev.relay import Relay
from webhook_kit.testing.processes import PATIENCE, free_port, wait_until


@contextmanager
def answering(text: bytes, port: int = 0) -> Iterator[int]:
    """A server that answers each connection with a text after it has received something; its port."""
    with socket.create_server(("127.0.0.1", port)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(text)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b"?")
        answer = b""
        while part := connection.recv(100):
            answer += part
        return answer


def test_new_connections_go_to_the_target_of_that_moment() -> None:
    with answering(b"old") as old, answering(b"new") as new, Relay(0, old) as relay:
        assert ask(relay.port) == b"old"
        relay.switch(new)
        assert ask(relay.port) == b"new"


def test_switch_waits_for_the_answers_of_the_former_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_PATIENCE", PATIENCE)
    switched = threading.Event()

    def switch(relay: Relay, target: int) -> None:
        relay.switch(target)
        switched.set()

    with (
        socket.create_server(("127.0.0.1", 0)) as old,
        answering(b"new") as new,
        Relay(0, old.getsockname()[1]) as relay,
        socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE) as asking,
    ):
        server, _ = old.accept()  # connected, and not asked yet
        switching = threading.Thread(target=switch, args=(relay, new))
        switching.start()
        with server:
            wait_until(lambda: relay._target == new)  # before that, the former server would be asked, and not answer
            assert ask(relay.port) == b"new"
            assert not switched.is_set()
            asking.sendall(b"?")
            assert server.recv(100) == b"?"
            assert not switched.is_set()
            server.sendall(b"old")
            assert asking.recv(100) == b"old"
            switching.join(PATIENCE)  # the connection is still open
            assert switched.is_set()


def test_connection_waits_for_a_server_that_is_not_there_yet() -> None:
    port = free_port()
    with Relay(0, port) as relay:
        answers: list[bytes] = []
        asking = threading.Thread(target=lambda: answers.append(ask(relay.port)))
        asking.start()
        asking.join(0.2)
        with answering(b"here", port):
            asking.join(PATIENCE)
    assert answers == [b"here"]


def test_connection_without_a_server_is_closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONNECT_PATIENCE", 0.05)
    with (
        Relay(0, free_port()) as relay,
        socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE) as connection,
    ):
        assert connection.recv(1) == b""


def test_port_that_is_taken_is_an_error() -> None:
    with answering(b"") as port, pytest.raises(OSError, match="in use"):
        Relay(port, 1)
