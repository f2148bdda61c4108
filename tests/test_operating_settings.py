"""Address of the long-term archive."""

from __future__ import annotations

import pytest

from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings

HIDDEN = "topsecret"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def url(monkeypatch: pytest.MonkeyPatch, written: str) -> str:
    monkeypatch.setenv("ARCHIVE_URL", written)
    settings = Settings.from_env()
    assert HIDDEN not in repr(settings)
    assert settings.archive_url is not None
    return settings.archive_url.get_secret_value()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_the_scheme_is_taken_and_tls_is_required(read: pytest.MonkeyPatch, scheme: str) -> None:
    written = f"{scheme}://u:{HIDDEN}@ec2.example.org:5432/d1"
    assert url(read, written) == f"postgresql+psycopg://u:{HIDDEN}@ec2.example.org:5432/d1?sslmode=require"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("postgres://localhost/d", "postgresql+psycopg://localhost/d"),
        ("postgres://u@127.0.0.1:5433/d", "postgresql+psycopg://u@127.0.0.1:5433/d"),
        ("postgres://[::1]/d", "postgresql+psycopg://[::1]/d"),
        ("postgres://h/d?sslmode=verify-full", "postgresql+psycopg://h/d?sslmode=verify-full"),
        ("postgres://h/d?sslmode=disable", "postgresql+psycopg://h/d?sslmode=disable"),
        ("postgresql:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
        ("postgresql://u@/d?host=/run/pg", "postgresql+psycopg://u@/d?host=%2Frun%2Fpg"),
        ("postgres://h/d?application_name=x", "postgresql+psycopg://h/d?application_name=x&sslmode=require"),
    ],
)
def test_tls_is_off_on_this_machine_and_where_it_is_said(read: pytest.MonkeyPatch, written: str, read_as: str) -> None:
    assert url(read, written) == read_as


@pytest.mark.parametrize(
    "written",
    [
        f"mysql://u:{HIDDEN}@h/d",
        f"u:{HIDDEN}@h/d",
        f"postgres://u:{HIDDEN}@h",
        f"postgres://u:{HIDDEN}@h/",
        f"postgres://u:{HIDDEN}@h:port/d",
        f"postgres://u:{HIDDEN}@[h/d",
        f"postgres://u:{HIDDEN}@h/d#x",
        f"postgres://u:{HIDDEN}@h/d?{HIDDEN}",
        f"postgres://u:{HIDDEN}@h/d?sslmode=on",
        "postgres:///d",
        "postgres://h/d\n",
        f'"postgres://u:{HIDDEN}@h/d"',
        "postgres://h/d\x00",
    ],
)
def test_an_address_that_cannot_be_used_is_one_clear_mistake_without_its_password(
    read: pytest.MonkeyPatch, written: str
) -> None:
    if "\x00" in written or written.endswith("\n"):
        written = "postgres://h/d\u2028x"  # a variable of the environment cannot hold every character
    read.setenv("ARCHIVE_URL", written)
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env()
    assert len(caught.value.mistakes) == 1
    assert caught.value.mistakes[0].startswith("ARCHIVE_URL: ")
    assert HIDDEN not in str(caught.value)
