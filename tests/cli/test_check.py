"""``webhook-kit check``, and commands that find a wrong configuration or no Redis: one line for each mistake."""

from __future__ import annotations

import sys
from uuid import uuid4

import pytest
import redis

from tests.cli.shell import Shell
from webhook_kit.testing.processes import Process, free_port
from webhook_kit.testing.redis_server import RedisServer


def test_check_says_what_one_ticket_per_order_rests_on(shell: Shell) -> None:
    assert shell.good("check", "--offline").splitlines()[-2:] == [
        "store main: bogus, guarantee of one ticket per order: native",
        "everything is configured",
    ]


def test_check_tells_every_mistake_at_once(shell: Shell) -> None:
    missing = {"GETT_WEBHOOK_SECRETS": "", "GETT_API_KEY": "", "POS_ADAPTER": "", "GETT_STORE_ID": ""}
    nowhere = f"redis://:topsecret@127.0.0.1:{free_port()}/0"
    said = shell.bad("check", "--offline", **missing, REDIS_URL=nowhere)
    assert [line.split()[0].rstrip(":") for line in said] == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY", "REDIS_URL"]
    assert "topsecret" not in "".join(said)


def test_check_refuses_a_redis_that_would_lose_orders(shell: Shell) -> None:
    shell.kit.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        (said,) = shell.bad("check", "--offline")
    finally:
        shell.kit.redis.config_set("maxmemory-policy", "noeviction")
    assert "maxmemory-policy is allkeys-lru" in said


def test_check_names_a_redis_that_cannot_be_written_to(shell: Shell) -> None:
    with RedisServer() as full:
        redis.Redis(port=full.port).config_set("maxmemory", "100kb")
        status, output = shell.run("check", REDIS_URL=full.url)
        assert (status, "webhook-kit: REDIS_URL: Redis is full (maxmemory)" in output) == (1, True)
    with RedisServer() as replica:
        redis.Redis(port=replica.port).replicaof("127.0.0.1", "1")
        status, output = shell.run("check", REDIS_URL=replica.url)
        assert (status, "webhook-kit: REDIS_URL: this server is a read-only replica" in output) == (1, True)


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "a setting": ({"PRICE_POLICY": "cheap"}, "PRICE_POLICY:"),
    "an adapter": ({"POS_ADAPTER": "unheard-of"}, "adapter 'unheard-of' is not installed"),
    "an adapter's spelling": ({"POS_ADAPTER": "my-pos:Pos"}, "write module:Class"),
    "a file of stores": ({"POS_ADAPTER": "", "STORES_FILE": "nothing.toml"}, "STORES_FILE nothing.toml: No such file"),
    "a Redis URL": ({"REDIS_URL": "redis://:topsecret@host:port"}, "REDIS_URL: should be an address such as"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_configured_wrongly_is_one_line(case: str, shell: Shell) -> None:
    env, expected = BROKEN[case]
    (said,) = shell.bad("check", "--offline", **env)
    assert expected in said
    assert "topsecret" not in said


@pytest.mark.parametrize("arguments", [["order", "show", "x"], ["order", "incidents"], ["check", "--offline"]])
def test_without_redis_a_command_says_so_in_one_line(arguments: list[str], shell: Shell) -> None:
    (said,) = shell.bad(*arguments, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert said.startswith("REDIS_URL: Redis cannot be reached")


@pytest.mark.parametrize(
    "arguments", [["stores", "list"], ["stores", "export", "-"], ["reconcile"], ["catalog", "sync", "--all"]]
)
def test_without_redis_no_command_takes_the_stores_for_none(arguments: list[str], shell: Shell) -> None:
    env = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "POS_ADAPTER": "", "GETT_STORE_ID": ""}
    status, output = shell.run(*arguments, **env)
    assert status == 1
    assert output.splitlines()[-1].startswith("webhook-kit: REDIS_URL: Redis cannot be reached")
    assert "Traceback" not in output


def test_a_worker_that_redis_refuses_does_not_say_out_of_reach(shell: Shell) -> None:
    user = f"refused{uuid4().hex}"
    shell.kit.redis.execute_command("ACL", "SETUSER", user, "on", ">pw", "~*", "+ping", "+info")  # type: ignore[no-untyped-call]
    env = shell.env | {"REDIS_URL": shell.kit.settings.redis_url.replace("://", f"://{user}:pw@")}
    try:
        with Process([sys.executable, "-m", "webhook_kit.cli", "worker", "push"], env=env) as process:
            process.wait_until(lambda: "redis_not_usable" in process.output(), message="the worker to say so")
            assert "redis_not_reachable" not in process.output()
            assert '"reason": "permission missing"' in process.output()
            assert "extend its ACL" in process.output()
    finally:
        shell.kit.redis.execute_command("ACL", "DELUSER", user)  # type: ignore[no-untyped-call]


def test_a_worker_without_redis_says_so_waits_and_shows_no_traceback(shell: Shell) -> None:
    env = shell.env | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    with Process([sys.executable, "-m", "webhook_kit.cli", "worker", "push"], env=env) as process:
        process.wait_until(lambda: "redis_not_reachable" in process.output(), message="the worker to say so")
        assert process.running
    assert "Traceback" not in process.output()
