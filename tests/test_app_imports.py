"""Modules that requests import: none, because the first requests of a process would wait for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from webhook_kit.testing.redis_server import RedisServer

PROGRAM = """
import json, sys
from uuid import uuid4
from webhook_kit.app import create_app
from webhook_kit.gett.signing import signed_headers

client = create_app().test_client()
created = set(sys.modules)
client.get("/healthz")  # Flask and the client themselves
before = set(sys.modules)

def post(path, body, **headers):
    raw = json.dumps(body).encode()
    return client.post(path, data=raw, headers={**signed_headers(raw, "whsec_test"), **headers})

order = {
    "cart": {"storeId": "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90", "lineItems": [{"lineItemId": "1", "itemId": "water", "quantity": 1}]},
    "fulfillmentType": "Pickup",
}
validated = post("/validateOrder", order)
placed = {
    **order,
    "gettOrderId": str(uuid4()),
    "payment": {"type": "gettPayment"},
    "validatedOrderToken": validated.json["validatedOrderToken"],
}
key = {"Idempotency-Key": str(uuid4())}
answers = [post("/placeOrder", placed, **key), post("/placeOrder", placed, **key), client.get("/readyz")]
answers.append(client.get("/sendingz"))
statuses = [validated.status_code, *(answer.status_code for answer in answers)]
print(json.dumps({"statuses": statuses, "created": sorted(created), "imported": sorted(set(sys.modules) - before)}))
"""


@pytest.mark.parametrize("console", [{}, {"CONSOLE": "true", "CONSOLE_PASSWORDS": "true"}], ids=["alone", "console"])
def test_first_requests_import_nothing(redis_server: RedisServer, console: dict[str, str]) -> None:
    env = {
        "REDIS_URL": redis_server.url,
        "KEY_PREFIX": "imports:",
        "GETT_WEBHOOK_SECRETS": "whsec_test",
        "GETT_API_KEY": "key_test",
        "POS_ADAPTER": "tiny_pos:TinyPos",
        "GETT_STORE_ID": "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90",
        "LOG_LEVEL": "WARNING",
    }
    folder = Path(__file__).parent.parent / "examples" / "tiny_pos"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env=os.environ | env | console,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout.splitlines()[-1])
    assert result["statuses"] == [200, 200, 200, 200, 503]  # no worker runs
    assert result["imported"] == []
    created = set(result["created"])
    assert "authlib" not in created  # only log-in with OpenID Connect needs it
    assert bool(console) == ("webhook_kit.console" in created)
