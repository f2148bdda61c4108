"""The bogus adapters pass the contract, each with a different guarantee."""

from __future__ import annotations

import pytest

from webhook_kit.testing.bogus import BogusClaim, BogusLookUp, BogusNative
from webhook_kit.testing.bogus_contract import BogusContract

pytestmark = pytest.mark.slow


class TestBogus(BogusContract):
    pass


class TestNative(BogusContract):
    adapter = BogusNative


class TestLookUp(BogusContract):
    adapter = BogusLookUp


class TestClaim(BogusContract):
    adapter = BogusClaim
