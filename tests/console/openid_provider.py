"""An OpenID provider: Django OAuth Toolkit, in a process of its own.

``python openid_provider.py PORT DIRECTORY REDIRECT_URI``. ``claims.json`` in the directory has the claims of each user; the user of
a request is that of the cookie ``user``. It insists on PKCE.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

port, directory, redirect_uri = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
settings.configure(
    SECRET_KEY="x" * 50,
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    ROOT_URLCONF="__main__",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": directory / "provider.sqlite"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    MIDDLEWARE=["__main__.log_in"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": key.decode(),
        "OIDC_ISS_ENDPOINT": f"http://127.0.0.1:{port}/o",
        "PKCE_REQUIRED": True,
        "SCOPES": {"openid": "", "email": "", "profile": ""},
        "OAUTH2_VALIDATOR_CLASS": "__main__.Validator",
        "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django has to be set up before
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402


def log_in(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def handle(request: Any) -> Any:
        request.user = User.objects.get(username=request.COOKIES.get("user", "nobody"))
        return get_response(request)

    return handle


class Validator(OAuth2Validator):  # type: ignore[misc] # untyped
    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> Any:
        """Return the claims of the ID token; ``userinfo only`` is a list of those that are left out."""
        claims = all_claims[request.user.username]
        return {name: value for name, value in claims.items() if name not in claims.get("userinfo only", [])}

    def get_userinfo_claims(self, request: Any) -> Any:
        return {"sub": str(request.user.id)} | all_claims[request.user.username]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
all_claims = json.loads((directory / "claims.json").read_text())

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    for user in all_claims:
        User.objects.create(username=user)
    Application.objects.create(
        name="console",
        client_id="console",
        client_secret="client secret",
        client_type="confidential",
        authorization_grant_type="authorization-code",
        redirect_uris=redirect_uri,
        skip_authorization=True,
        algorithm="RS256",
    )
    make_server("127.0.0.1", port, WSGIHandler(), server_class=Server).serve_forever()
