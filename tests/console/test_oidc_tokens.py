"""ID tokens that are not the provider's answer to this log-in. A fake provider replaces the real one, which makes none of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

from webhook_kit.console.oidc import OpenIdFailed, OpenIdLogin
from webhook_kit.kit import Kit

ISSUER = "https://login.example.org"
SECRET = "client secret of enough characters"
KEY, OTHER_KEY = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
PUBLIC = {"keys": [KEY.as_dict(private=False)]}
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
}


class FakeProvider:
    """Answers with what a test sets.

    :ivar token: makes the ID token of the claims of an authentic one.
    """

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = dict(METADATA)
        self.token: Callable[[dict[str, Any]], str] = signed
        self.nonce = ""

    def get(self, _session: object, url: str, **_options: object) -> dict[str, Any]:
        return PUBLIC if url.endswith("/keys") else self.metadata

    def fetch_token(self, *_arguments: object, **_options: object) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": "console", "sub": "7", "nonce": self.nonce, "iat": now, "exp": now + 60}
        claims |= {"email": "jo@example.org", "email_verified": True, "groups": []}
        return {"access_token": "access", "token_type": "Bearer", "id_token": self.token(claims)}


def signed(claims: dict[str, Any], key: RSAKey = KEY) -> str:
    return jwt.encode({"alg": "RS256"}, claims, key)


def unsigned(claims: dict[str, Any]) -> str:
    whole = signed(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{whole[1]}."


def symmetric(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def by_public_key(claims: dict[str, Any]) -> str:
    """Sign with the public key as if it were a shared secret."""
    payload = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(KEY.as_pem(private=False).decode() + "\n"))
    assert jws.extract_compact(payload.encode())
    return payload


def altered(claims: dict[str, Any]) -> str:
    head, _, signature = signed(claims).split(".")
    return f"{head}.{signed(claims | {'email': 'boss@example.org'}).split('.')[1]}.{signature}"


def with_claims(**changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: signed({name: value for name, value in (claims | changes).items() if value is not None})


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    fake = FakeProvider()
    monkeypatch.setattr("webhook_kit.console.oidc._json", fake.get)
    monkeypatch.setattr(OAuth2Session, "fetch_token", fake.fetch_token)
    return fake


@pytest.fixture
def log_in(make_kit: Callable[..., Kit], provider: FakeProvider) -> Callable[..., str]:
    settings = {
        "console_url": "https://ops.example.org",
        "console_oidc_issuer": ISSUER,
        "console_oidc_client_id": "console",
        "console_oidc_client_secret": SECRET,
        "console_operators": ["jo@example.org"],
    }
    login = OpenIdLogin(make_kit(**settings).settings)

    def run(**query: str) -> str:
        url, cookie = login.begin("/")
        sent = parse_qs(urlsplit(url).query)
        provider.nonce = sent["nonce"][0]
        user, _ = login.finish({"state": sent["state"][0], "code": "c"} | query, cookie)
        return user.name

    return run


def test_an_authentic_token_is_accepted(log_in: Callable[..., str]) -> None:
    assert log_in() == "jo@example.org"
    assert log_in(iss=ISSUER) == "jo@example.org"


@pytest.mark.parametrize(
    "token",
    [
        unsigned,
        symmetric,
        by_public_key,
        altered,
        lambda claims: signed(claims, OTHER_KEY),
        lambda _claims: "",
        lambda _claims: "a.b.c",
        with_claims(nonce="another"),
        with_claims(nonce=None),
        with_claims(iss="https://evil.example"),
        with_claims(aud="another client"),
        with_claims(aud=["console", "another client"], azp="another client"),
        with_claims(exp=1),
        with_claims(exp=None),
        with_claims(iat=None),
        with_claims(sub=None),
        with_claims(at_hash="of another access token"),
        with_claims(email="jo\u202e@example.org"),
        with_claims(email="x" * 300 + "@example.org"),
    ],
)
def test_any_other_token_is_refused(
    log_in: Callable[..., str], provider: FakeProvider, token: Callable[[dict[str, Any]], str]
) -> None:
    provider.token = token
    with pytest.raises(OpenIdFailed):
        log_in()


def test_an_answer_of_another_provider_is_refused(log_in: Callable[..., str]) -> None:
    with pytest.raises(OpenIdFailed, match="another provider"):
        log_in(iss="https://evil.example")


@pytest.mark.parametrize("state", ["", "another", "\ud800é"])
def test_an_answer_to_another_log_in_is_refused(log_in: Callable[..., str], state: str) -> None:
    with pytest.raises(OpenIdFailed, match="another log-in"):
        log_in(state=state)


@pytest.mark.parametrize(
    "wrong", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://login.example.org"}, {"jwks_uri": None}]
)
def test_metadata_of_somebody_else_are_refused(
    log_in: Callable[..., str], provider: FakeProvider, wrong: dict[str, Any]
) -> None:
    provider.metadata |= wrong
    with pytest.raises(OpenIdFailed):
        log_in()


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email_verified": False}, "sub:7"),
        ({"email_verified": "true"}, "sub:7"),
        ({"email": None}, "sub:7"),
        ({"email": ["jo@example.org"]}, "sub:7"),
        ({"sub": "jo@example.org", "email": None}, "sub:jo@example.org"),
    ],
)
def test_an_address_that_is_not_verified_is_no_name(
    log_in: Callable[..., str], provider: FakeProvider, claims: dict[str, Any], name: str
) -> None:
    provider.token = with_claims(**claims)
    assert log_in() == name
