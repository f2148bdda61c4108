"""``webhook-kit check``: is everything as it must be, before the first order comes?"""

from __future__ import annotations

from collections.abc import Callable

import click
import redis

from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit

__all__ = ["command"]

_NO_STORE = (
    "no store is configured: onboard one (webhook-kit stores add, then onboard), or set POS_ADAPTER and GETT_STORE_ID for "
    "one store, STORES_FILE for several"
)


@click.command("check")
def command() -> None:
    """Check the configuration, the adapters and Redis; for a platform's release phase."""
    kit = Kit.from_env()
    mistakes: list[str] = []
    needs: list[Callable[[], object]] = [
        kit.settings.require_authenticity,
        lambda: _readable_stores(kit),
        lambda: kit.client,
        lambda: kit.catalog_storage,
    ]
    for needed in needs:
        try:
            needed()
        except ConfigurationError as error:
            mistakes += error.mistakes
    mistakes += _redis_mistakes(kit)
    if mistakes:
        raise ConfigurationError(*mistakes)
    stores = list(kit.stores)
    for store in stores:
        yet = "" if store.gett_id else f"; not at Gett yet: webhook-kit stores onboard {store.id}"
        rests_on = kit.stores.adapter(store).guarantee()
        click.echo(f"store {store.id}: {store.adapter}, one ticket per order rests on {rests_on}{yet}")
    # No mistake: the first deployment of an installation whose stores are onboarded has none.
    click.echo("all well" if stores else f"{_NO_STORE}; every order is refused until then")


def _readable_stores(kit: Kit) -> None:
    nothing_configured = kit.stores.nothing_configured()
    try:
        kit.store_repository.version()
    except redis.RedisError as error:
        if nothing_configured:
            raise ConfigurationError(f"{_NO_STORE}, and whether Redis holds some cannot be seen") from error
        return
    if mistakes := kit.stores.mistakes():
        raise ConfigurationError(*mistakes)


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
