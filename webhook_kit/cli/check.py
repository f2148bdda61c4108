"""``webhook-kit check``: is everything as it must be, before the first order comes?"""

from __future__ import annotations

from collections.abc import Callable

import click
import redis

from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit

__all__ = ["command"]


@click.command("check")
def command() -> None:
    """Check the configuration, the adapters and Redis; for a platform's release phase."""
    kit = Kit.from_env()
    mistakes: list[str] = []
    needs: list[Callable[[], object]] = [kit.settings.require_authenticity, lambda: kit.stores, lambda: kit.client]
    for needed in needs:
        try:
            needed()
        except ConfigurationError as error:
            mistakes += error.mistakes
    mistakes += _redis_mistakes(kit)
    if mistakes:
        raise ConfigurationError(*mistakes)
    for store in kit.stores:
        click.echo(
            f"store {store.id}: {store.adapter}, one ticket per order rests on {kit.stores.adapter(store).guarantee()}"
        )
    click.echo("all well")


def _redis_mistakes(kit: Kit) -> list[str]:
    try:
        version = kit.redis.info("server")["redis_version"]
        policy = kit.redis.info("memory").get("maxmemory_policy", "noeviction")
    except redis.RedisError as error:
        return [f"REDIS_URL: the server is out of reach: {error}"]
    mistakes = []
    if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
        mistakes.append(f"REDIS_URL: the server is version {version}; 6.2 or later is needed")
    if policy != "noeviction":
        mistakes.append(f"REDIS_URL: maxmemory-policy is {policy}: it would lose orders; set it to noeviction")
    return mistakes
