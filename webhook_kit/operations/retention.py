"""End of data that would otherwise stay: dead letters, incidents, and contact data of settled orders. A sync worker calls it.

Everything else ends by the TTL of its key (``docs/redis.md``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from webhook_kit.errors import WebhookKitError
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.operations.forget import remove_from_answer
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.scripts import Script

__all__ = ["expire_contact", "expire_dead_letters", "expire_incidents"]

log = logger("retention")

_BATCH = 500
"""Orders or dead letters per run at most."""


def expire_dead_letters(kit: Kit) -> int:
    """Delete dead letters that are older than ``DEAD_LETTER_TTL``. Return their number."""
    before = (redis_time(kit.redis) - kit.settings.dead_letter_ttl) * 1000
    script = Script(kit.redis, kit.keys, "webhook_kit.outbox/expire_dead_letters")
    return int(script(kit.keys.dead_letters, kit.keys.dead_letter_times, before=before, limit=_BATCH))


def expire_incidents(kit: Kit) -> int:
    """Delete incidents that are older than ``INCIDENT_TTL``. Return their number."""
    before = (redis_time(kit.redis) - kit.settings.incident_ttl) * 1000
    return int(Script(kit.redis, kit.keys, "webhook_kit.storage/expire_incidents")(kit.keys.incidents, before=before))


def expire_contact(kit: Kit) -> int:
    """Remove customer and delivery from the answers of orders that are older than ``CONTACT_TTL``. Return the number of orders.

    Orders are taken in the order of their first attempts, and the position is kept. An order that is not settled yet is visited
    again until it is. A crash, or a second worker, repeats some orders, which changes nothing.
    """
    settings = kit.settings
    before = redis_time(kit.redis) - max(settings.contact_ttl, settings.idempotency_ttl)
    removed = 0
    for position, ref in islice(_due(kit, before), _BATCH):
        try:
            done = remove_from_answer(kit, ref)
        except (
            WebhookKitError
        ) as error:  # its archive is damaged: nothing of it can be read, and it must not stop the others
            log.warning("contact_not_removed", order=ref, why=str(error))
            done = False
        removed += done is True
        with kit.redis.pipeline() as pipeline:
            if done is None:
                pipeline.sadd(kit.keys.contact_waiting, ref)
            else:
                pipeline.srem(kit.keys.contact_waiting, ref)
            if position:
                pipeline.set(kit.keys.contact_position, position)
            pipeline.execute()
    return removed


def _due(kit: Kit, before: float) -> Iterator[tuple[str, str]]:
    """Yield orders with their position in the list. First some of those that were not settled at their last visit, without one.

    Never a whole batch of these, so that many orders in doubt keep no other from its turn.
    """
    for ref in kit.redis.srandmember(kit.keys.contact_waiting, _BATCH // 2) or ():
        yield "", text(ref)
    after = text(kit.redis.get(kit.keys.contact_position))
    oldest, newest = f"({after}" if after else "-", str(int(before * 1000))
    for position, fields in kit.redis.xrange(kit.keys.order_list, oldest, newest, _BATCH) or ():
        yield text(position), text((fields or {}).get(b"ref"))
