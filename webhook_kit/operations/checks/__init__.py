"""Checks of an installation, each a function that yields findings: for ``webhook-kit check``, and for the console.

A finding is an error only if the installation cannot work with this configuration. What a first deployment cannot have yet
(settings, stores, workers, a public address that answers), and what a release could not mend (a nearly full Redis, an outage of Gett), is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from webhook_kit.kit import Kit
from webhook_kit.operations.checks.archive import check_archive
from webhook_kit.operations.checks.configuration import check_configuration, check_people
from webhook_kit.operations.checks.encryption import check_encryption
from webhook_kit.operations.checks.finding import SETTING_MISSING, CheckFinding, CheckSeverity
from webhook_kit.operations.checks.first_release import allow_missing_settings
from webhook_kit.operations.checks.gett import check_gett
from webhook_kit.operations.checks.pos import check_pos
from webhook_kit.operations.checks.public_url import check_public_url
from webhook_kit.operations.checks.redis_server import Processes, check_redis, check_server
from webhook_kit.operations.checks.replication import check_replicas, check_sentinels
from webhook_kit.operations.checks.workers import check_clocks, check_workers

__all__ = ["SETTING_MISSING", "CheckFinding", "CheckOptions", "CheckSeverity", "run_checks"]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Extent of the checks.

    :ivar processes: processes that share Redis, for the number of connections.
    :ivar network: call Gett and PUBLIC_URL.
    :ivar pos: ask the POS of every store.
    """

    processes: Processes
    network: bool = True
    pos: bool = False


def run_checks(kit: Kit, options: CheckOptions) -> Iterator[CheckFinding]:
    """Yield everything that is wrong, and some facts, in the order in which a person should read them."""
    configuration, unusable = list(check_configuration(kit)), list(check_redis(kit))
    yield from allow_missing_settings(kit, configuration + unusable)
    if not unusable:
        yield from check_server(kit, options.processes)
        yield from check_sentinels(kit)
        yield from check_replicas(kit)
        yield from check_encryption(kit)
    yield from check_archive(kit, redis_usable=not unusable)
    if options.network:
        yield from check_gett(kit)
    if not unusable:  # after the call of Gett, which tells Gett's time
        yield from check_clocks(kit)
        yield from check_workers(kit)
        if options.network:
            yield from check_public_url(kit)
        if options.pos and not configuration:
            yield from check_pos(kit)
    yield from check_people(kit)
