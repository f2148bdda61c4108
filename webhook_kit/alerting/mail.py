"""Alerts by e-mail."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage

from webhook_kit.alert_fields import SmtpServer
from webhook_kit.alerting.message import AlertEvent, AlertMessage
from webhook_kit.alerting.pinned import DeliveryFailed, Resolve, addresses
from webhook_kit.web import bounded_socket, bounded_tls, deadline

__all__ = ["mail", "send_mail"]

_SECONDS = 30.0
"""Seconds for a whole e-mail, after the name was looked up."""

_SUBJECT = 200
"""Characters of a subject at most."""


def mail(message: AlertMessage, sender: str, to: str) -> EmailMessage:
    """Return the e-mail about an alert. All e-mails of one alert are one conversation, and one that is sent twice has one id."""
    domain = sender.rpartition("@")[2]
    first = f"<{message.id}.{int(message.opened)}@{domain}>"
    result = EmailMessage()
    result["Subject"] = message.title[:_SUBJECT]
    result["From"], result["To"] = sender, to
    result["Message-ID"] = (
        first
        if message.event is AlertEvent.OPENED
        else f"<{message.id}.{int(message.opened)}.{message.number}@{domain}>"
    )
    if message.event is not AlertEvent.OPENED:
        result["In-Reply-To"] = result["References"] = first
    result["Auto-Submitted"] = "auto-generated"
    result.set_content("\n\n".join([message.title, *(f"{name}:\n{value}" for name, value in message.facts)]) + "\n")
    return result


def send_mail(
    message: EmailMessage,
    server: SmtpServer,
    *,
    allow_private: bool,
    resolve: Resolve,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Send an e-mail.

    :param tls: context of TLS; None: the certificates of the system.
    :raises DeliveryFailed: the server did not take it.
    """
    address = addresses(server.host, server.port, allow_private=allow_private, resolve=resolve)[0]
    try:
        with deadline(_SECONDS), _SmtpClient(server, address, tls or bounded_tls()) as client:
            if not server.tls:
                _start_tls(client, server, allow_private=allow_private)
            if server.user:
                _log_in(client, server)
            client.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise DeliveryFailed(f"{server.host} refused the e-mail with code {error.smtp_code}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({str(code) for code, _ in error.recipients.values()})
        raise DeliveryFailed(f"{server.host} refused the recipient with code {', '.join(codes)}") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise DeliveryFailed(f"{server.host} did not take the e-mail ({type(error).__name__})") from error


def _start_tls(client: _SmtpClient, server: SmtpServer, *, allow_private: bool) -> None:
    client.ehlo()
    if client.has_extn("starttls"):
        client.starttls(context=client.tls)
        client.ehlo()
    elif server.user or not allow_private:
        raise DeliveryFailed(
            f"{server.host} offers no STARTTLS, so that nothing is sent; use smtps://, or another server"
        )


def _log_in(client: _SmtpClient, server: SmtpServer) -> None:
    try:
        client.login(server.user, server.password.get_secret_value())
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPServerDisconnected) as error:  # some servers close at once
        raise DeliveryFailed(f"{server.host} refused the user or the password of SMTP_URL") from error


class _SmtpClient(smtplib.SMTP):
    """A client that connects to an address that was checked, and verifies the certificate for the server's name."""

    def __init__(self, server: SmtpServer, address: str, tls: ssl.SSLContext) -> None:
        self._address = address
        self._tls_at_once = server.tls
        self.tls = tls
        super().__init__(server.host, server.port, local_hostname="webhook-kit")

    def _get_socket(self, host: str, port: int, timeout: object) -> socket.socket:  # noqa: ARG002 - called by smtplib
        plain = bounded_socket(self._address, port)
        return self.tls.wrap_socket(plain, server_hostname=host) if self._tls_at_once else plain
