"""``webhook-kit check``: check configuration, adapters and Redis before the first order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import open_kit
from webhook_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from webhook_kit.kit import Kit

__all__ = ["command"]

_NO_STORE = (
    "no store is configured: add one (webhook-kit stores add, then webhook-kit stores onboard), or set POS_ADAPTER and "
    "GETT_STORE_ID for one store, STORES_FILE for several"
)


@click.command("check")
def command() -> None:
    """Check the configuration, the adapters and Redis. Use it in a platform's release phase."""
    kit = open_kit()
    mistakes: list[str] = []
    checks: list[Callable[[], object]] = [
        kit.settings.require_authenticity,
        lambda: _check_stores(kit),
        lambda: kit.client,
        lambda: kit.catalog_storage,
    ]
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            mistakes += error.mistakes
    mistakes += _redis_mistakes(kit)
    if mistakes:
        raise ConfigurationError(*mistakes)
    # Not a mistake: in a release phase the workers are not running yet.
    for sign in kit.worker_life.last_signs().values():
        click.echo(sign)
    stores = list(kit.stores)
    for store in stores:
        next_step = "" if store.gett_id else f"; not registered at Gett yet: webhook-kit stores onboard {store.id}"
        guarantee = kit.stores.adapter(store).guarantee()
        click.echo(f"store {store.id}: {store.adapter}, guarantee of one ticket per order: {guarantee}{next_step}")
    # Not a mistake: the first deployment has no store when stores are onboarded later.
    click.echo("everything is configured" if stores else f"{_NO_STORE}; until then every order is refused")


def _check_stores(kit: Kit) -> None:
    import redis

    if mistakes := kit.stores.configured_mistakes():
        raise ConfigurationError(*mistakes)
    nothing_configured = not kit.stores.has_configured_stores()
    try:
        kit.store_repository.version()
    except redis.RedisError as error:
        if nothing_configured:
            raise ConfigurationError(f"{_NO_STORE}; stores in Redis cannot be read: {error}") from error
        return
    if saved := kit.stores.unusable().values():
        raise ConfigurationError(*saved)


def _redis_mistakes(kit: Kit) -> list[str]:
    import redis

    from webhook_kit.storage.clock import TOLERANCE, clock_difference, gett_difference
    from webhook_kit.storage.faults import RedisFault, describe

    try:
        difference = time.time() - kit.trial_write.run()
    except redis.RedisError as error:
        return [describe(error)]
    if abs(difference) > TOLERANCE:  # not a mistake of the configuration, and web processes may run on other hosts
        why = clock_difference(difference, "Redis")
        click.echo(f"warning: {why}; correct it: webhooks that are more than 300 s from it are refused", err=True)
    if (behind := gett_difference(kit.redis, kit.keys)) is not None:
        click.echo(f"warning: {clock_difference(behind, 'Gett', 'a worker')}; correct it", err=True)
    try:
        server, policy = kit.redis.info("server"), kit.redis.info("memory").get("maxmemory_policy", "noeviction")
    except redis.RedisError as error:  # some providers do not allow INFO
        click.echo(f"the version of Redis is not checked: {error}", err=True)
        return []
    mistakes = []
    version = server["redis_version"]
    if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
        mistakes.append(f"REDIS_URL: the server is version {version}; 6.2 or later is needed")
    if server.get("redis_mode") == "cluster":  # a single node with all slots runs the trial, until slots are moved
        mistakes.append(f"REDIS_URL: {RedisFault.CLUSTER.advice}")
    if policy != "noeviction":
        mistakes.append(f"REDIS_URL: maxmemory-policy is {policy}: Redis could delete orders; set it to noeviction")
    return mistakes
