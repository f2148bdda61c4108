"""A WSGI server on the loopback interface."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

__all__ = ["serve", "server"]


def server(app: Flask, port: int) -> BaseWSGIServer:
    """Return a threaded server for an application that is bound, but does not serve yet.

    :param port: loopback port; a free one when 0.
    :raises OSError: when the port is taken.
    """
    # werkzeug exits the process if the port is taken, so the port is bound here.
    with socket.create_server(("127.0.0.1", port)) as bound:
        port = bound.getsockname()[1]
        return make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet, fd=bound.fileno())


@contextmanager
def serve(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an application from threads of this process, for the length of the block.

    :param port: loopback port; a free one when 0.
    :return: its base URL.
    """
    listening = server(app, port)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.port}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: the traffic log has every call."""

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:  # noqa: ARG002
        # A response that is dropped on purpose closes the connection.
        self.close_connection = True
