"""Mutants run in the process that installs them."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest

from tests.mutation.installation import all_functions, install
from tests.mutation.mutants import mutants_of
from webhook_kit.catalog import cents
from webhook_kit.catalog.cents import from_cents
from webhook_kit.storage import scripts


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("webhook_kit/catalog/cents.py", "return _EXACT.scaleb(Decimal(count), -2) → return None"),
        ("webhook_kit/catalog/cents.py", "Context(prec=MAX_PREC) → (Context())"),
        ("webhook_kit/placement/renew.lua", "~= → =="),
    ],
)
def test_installed_mutant_is_what_runs(path: str, change: str) -> None:
    (mutant,) = [each for each in mutants_of(path) if each.name.endswith(change)]
    child = os.fork()
    if child == 0:
        install(mutant, all_functions())
        noticed = {
            "webhook_kit/catalog/cents.py": from_cents(275) != Decimal("2.75") or cents._EXACT.prec < 100,
            "webhook_kit/placement/renew.lua": "owner') == args.owner" in scripts.load("webhook_kit.placement/renew"),
        }
        os._exit(0 if noticed[path] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert from_cents(275) == Decimal("2.75")
