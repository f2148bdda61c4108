"""Alerts by e-mail, through a real SMTP server."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.alerting.examples import HOSTILE, message
from tests.alerting.smtp_server import PASSWORD, USER, mailbox
from tests.tcp_server import FakeServer, Serve, trickling
from webhook_kit.alert_fields import SmtpServer, smtp_server
from webhook_kit.alerting import mail as mail_module
from webhook_kit.alerting.mail import mail, send_mail
from webhook_kit.alerting.message import AlertEvent, plain
from webhook_kit.alerting.pinned import DeliveryFailed, resolve
from webhook_kit.web import bounded_tls


def send(server: SmtpServer, *, allow_private: bool = True, tls: ssl.SSLContext | None = None, **changes: Any) -> None:
    send_mail(
        mail(message(**changes), "kit@example.org", "ops@example.org"),
        server,
        allow_private=allow_private,
        resolve=resolve,
        tls=tls,
    )


def trusting(certificate: Path) -> ssl.SSLContext:
    context = bounded_tls()
    context.load_verify_locations(certificate.with_suffix(".crt"))
    return context


def plain_server(port: int, user: str = "") -> SmtpServer:
    return SmtpServer("127.0.0.1", port, tls=False, user=user, password=SecretStr("x" if user else ""))


def test_an_address_is_read_with_its_defaults_and_percent_encoding() -> None:
    read = smtp_server(SecretStr("smtp://kit:p%40ss%3Aword@mail.example.org"))
    assert (read.host, read.port, read.tls, read.user) == ("mail.example.org", 587, False, "kit")
    assert read.password.get_secret_value() == PASSWORD
    assert smtp_server(SecretStr("smtps://mail.example.org")).port == 465


def test_an_email_with_hostile_ids_arrives_whole() -> None:
    with mailbox() as box:
        send(plain_server(box.port), subject=plain(HOSTILE), detail="näher")
    (got,) = box.mails
    assert got["Subject"].startswith("CRITICAL: the POS may or may not have an order")
    assert (got["From"], got["To"], got["Auto-Submitted"]) == ("kit@example.org", "ops@example.org", "auto-generated")
    assert plain(HOSTILE) in got.get_content()
    assert "näher" in got.get_content()


def test_the_emails_of_an_alert_are_one_conversation_and_a_repeated_one_has_the_same_id() -> None:
    with mailbox() as box:
        for event, number in ((AlertEvent.OPENED, 1), (AlertEvent.OPENED, 1), (AlertEvent.RESOLVED, 2)):
            send(plain_server(box.port), event=event, number=number)
    first, again, over = box.mails
    assert first["Message-ID"] == again["Message-ID"] != over["Message-ID"]
    assert over["In-Reply-To"] == first["Message-ID"]


def test_starttls_and_a_password(certificate: Path) -> None:
    with mailbox(starttls=certificate) as box:
        server = SmtpServer("127.0.0.1", box.port, tls=False, user=USER, password=SecretStr(PASSWORD))
        send(server, tls=trusting(certificate))
        wrong = SmtpServer("127.0.0.1", box.port, tls=False, user=USER, password=SecretStr("wrong"))
        with pytest.raises(DeliveryFailed, match="refused the user or the password") as failed:
            send(wrong, tls=trusting(certificate))
        assert PASSWORD not in str(failed.value)
        with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
            send(server)
    assert len(box.mails) == 1


def test_tls_from_the_first_byte(certificate: Path) -> None:
    with mailbox(tls=certificate) as box:
        server = SmtpServer("127.0.0.1", box.port, tls=True, user="", password=SecretStr(""))
        send(server, tls=trusting(certificate))
    assert len(box.mails) == 1


def test_a_password_never_goes_in_clear() -> None:
    with mailbox() as box:
        with pytest.raises(DeliveryFailed, match="offers no STARTTLS"):
            send(plain_server(box.port, USER))
        with pytest.raises(DeliveryFailed, match="private address"):
            send(plain_server(box.port), allow_private=False)
    assert not box.mails


def test_a_refusal_names_its_code_alone() -> None:
    with mailbox() as box:
        box.refuse = "554 spam from secret"
        with pytest.raises(DeliveryFailed, match=r"^127.0.0.1 refused the e-mail with code 554$"):
            send(plain_server(box.port))


def test_a_server_that_trickles_ends(
    start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_module, "_SECONDS", 0.5)

    def serve(connection: Any) -> None:
        connection.sendall(b"220 ")
        trickling(b"")(connection)

    port = int(start_server(serve).url.rpartition(":")[2])
    with pytest.raises(DeliveryFailed):
        send(plain_server(port))
