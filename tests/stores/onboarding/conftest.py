"""A local Gett and a partner whose catalogs it fetches, both over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.app import create_app as partner_app
from webhook_kit.gett.http import ApiCall, ApiResponse, Transport
from webhook_kit.gett.models.store import OnboardingStatus
from webhook_kit.kit import Kit
from webhook_kit.sandbox.app import create_app as gett_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.server import serve
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import free_port


class AlterableCatalogAdapter(BogusAdapter):
    """The bogus POS with a catalog that a test can alter or make fail."""

    alter: Callable[[CatalogSet], CatalogSet] | None = None
    failure: Exception | None = None

    def fetch_catalog(self, store: Store) -> CatalogSet:
        if self.failure:
            raise self.failure
        catalog = super().fetch_catalog(store)
        return type(self).alter(catalog) if type(self).alter else catalog  # type: ignore[misc] # a function of one argument


REGISTER, ACTIVATE, CANCEL = ("POST", "/stores"), ("POST", "/activate"), ("DELETE", "")


class FaultyTransport:
    """Transport of the calls to Gett that fails as a test says.

    :param faults: by method and end of the path, a status to return instead of calling Gett; 0 to call it and lose the answer.
    """

    def __init__(self, transport: Transport, faults: dict[tuple[str, str], list[int]]) -> None:
        self._transport = transport
        self._faults = faults

    def send(self, call: ApiCall) -> ApiResponse:
        for (method, end), statuses in self._faults.items():
            if call.method == method and call.url.endswith(end) and statuses:
                if status := statuses.pop(0):
                    return ApiResponse(status, {}, b"{}")
                self._transport.send(call)
                raise ConnectionResetError
        return self._transport.send(call)


def intercept_calls(
    kit: Kit, before: Callable[[ApiCall], None], after: Callable[[ApiCall, ApiResponse], None] | None = None
) -> None:
    """Call functions before each call to Gett and after its response."""
    send = kit.client._transport.send

    def intercepted(call: ApiCall) -> ApiResponse:
        before(call)
        response = send(call)
        if after:
            after(call, response)
        return response

    kit.client._transport = type("Intercepted", (), {"send": staticmethod(intercepted)})()


@dataclass
class OnboardingEnv:
    """The local Gett and its partner.

    :ivar faults: see :class:`FaultyTransport`.
    """

    context: SandboxContext
    faults: dict[tuple[str, str], list[int]]
    make: Callable[..., Kit]
    kit: Kit

    @property
    def store(self) -> Store:
        return self.kit.stores.get("main")

    def process(self, **settings: Any) -> Kit:
        """Return a kit as another process of the partner has it."""
        return self.make(**settings)

    def registered(self) -> list[OnboardingStatus]:
        """Return the status of each registration at Gett."""
        return [record.status for record in self.context.state.onboardings.values()]

    def active(self) -> list[str]:
        """Return Gett's ids of its stores."""
        return list(self.context.state.stores)


@pytest.fixture
def env(
    make_kit: Callable[..., Kit],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    events: list[MutableMapping[str, Any]],
) -> Iterator[OnboardingEnv]:
    monkeypatch.setattr(AlterableCatalogAdapter, "alter", None)
    monkeypatch.setattr(AlterableCatalogAdapter, "failure", None)
    context = SandboxContext("key_test", options=Options(writes_per_minute=0, reads_per_minute=0))
    port, faults = free_port(), dict[tuple[str, str], list[int]]()
    with ExitStack() as stack:
        url = stack.enter_context(serve(gett_app(context)))
        prefix = make_kit().settings.key_prefix

        def make(**settings: Any) -> Kit:
            kit = make_kit(
                **{
                    "key_prefix": prefix,
                    "pos_adapter": None,
                    "gett_store_id": None,
                    "gett_api_url": url,
                    "public_url": f"http://127.0.0.1:{port}",
                    "allow_plaintext_credentials": True,
                    **settings,
                }
            )
            if kit.settings.public_url:
                kit.onboarding._poll = 0.02
            kit.client._transport = FaultyTransport(kit.client._transport, faults)
            return kit

        kit = make()
        stack.enter_context(serve(partner_app(kit), port))
        options = {"file": str(tmp_path / "pos.sqlite")}
        kit.stores.add(Store("main", "", f"{__name__}:AlterableCatalogAdapter", name="Main Street", options=options))
        yield OnboardingEnv(context, faults, make, kit)
    context.close()
