"""A real SMTP server on the loopback interface."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

USER, PASSWORD = "kit", "p@ss:word"


class Mailbox:
    """E-mails that the server took, and the address to reach it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse = ""
        self.port = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        if self.refuse:
            return self.refuse
        content = cast("bytes", envelope.content)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        return "250 taken"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right)


@contextmanager
def mailbox(*, starttls: Path | None = None, tls: Path | None = None) -> Iterator[Mailbox]:
    """Start a server. With ``starttls`` it wants TLS and a password; with ``tls`` it speaks TLS from the first byte."""
    box = Mailbox()
    options: dict[str, Any] = {}
    if starttls:
        options = {
            "tls_context": _context(starttls),
            "require_starttls": True,
            "authenticator": _authenticate,
            "auth_required": True,
        }
    if tls:
        options = {"ssl_context": _context(tls)}
    controller: Any = Controller(box, hostname="127.0.0.1", port=0, **options)

    def address() -> tuple[str, int]:
        name: tuple[str, int] = controller.server.sockets[0].getsockname()
        return name

    # Its own way to trigger the server would connect to port 0.
    controller._trigger_server = lambda: socket.create_connection(address()).close()
    controller.start()
    box.port = address()[1]
    try:
        yield box
    finally:
        controller.stop()


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
