"""Postal addresses and their invented locations."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from uuid import UUID

from webhook_kit.gett.models.order import ExternalAddress, Location
from webhook_kit.gett.models.payment import AddressInput, UserAddressResponse
from webhook_kit.sandbox.state import SessionRecord, StoreRecord, UserRecord

__all__ = ["geocode", "geocoded", "miles", "save_address", "session_location", "store_address", "store_location"]

_CENTRE = (40.7128, -74.0060)
_SPREAD = 0.1  # degrees: about seven miles
_EARTH_RADIUS = 3_958.8  # miles


def geocode(*parts: str | None) -> Location:
    """Return a location near New York that depends on the address alone [D]: the sandbox has no map."""
    text = "\n".join((part or "").strip().casefold() for part in parts)
    digest = hashlib.sha256(text.encode(errors="replace")).digest()
    north, east = (int.from_bytes(digest[i : i + 4], "big") / 2**31 - 1 for i in (0, 4))
    return Location(latitude=round(_CENTRE[0] + north * _SPREAD, 6), longitude=round(_CENTRE[1] + east * _SPREAD, 6))


def store_address(record: StoreRecord) -> ExternalAddress | None:
    """Return a store's address as the Marketfront API spells it, with its location."""
    address = record.store.address
    if address is None:
        return None
    return ExternalAddress(
        address1=address.street,
        city=address.city,
        state=address.state,
        postal_code=address.postal_code,
        location=store_location(record),
    )


def store_location(record: StoreRecord) -> Location | None:
    """Return the location of a store; None if it has neither a location nor an address."""
    address = record.store.address
    if record.listing.location is not None or address is None:
        return record.listing.location
    return geocode(address.street, address.city, address.state, address.postal_code)


def session_location(session: SessionRecord, users: Mapping[str, UserRecord]) -> Location | None:
    """Return the location of a session's address: the user's, as chosen for the fulfillment or used last, else the session's."""
    user = users.get(session.user_id or "")
    if user is not None:
        chosen = session.fulfillment.address_id if session.fulfillment else None
        saved = user.addresses.get(chosen or user.last_user_address_id or "")
        if saved is not None:
            return saved.address.location
    address = session.address
    if address is None:
        return None
    return geocode(address.address1, address.city, address.state, address.postal_code)


def miles(one: Location, other: Location) -> float:
    """Return the great-circle distance in miles."""
    lat1, lat2 = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))


def save_address(user: UserRecord, entered: AddressInput, instructions: str | None = None) -> UserAddressResponse:
    """Save an address of a user and return it. Its id depends on its content alone, so that it is saved once.

    :param instructions: those saved earlier stay when None.
    """
    parts = [entered.address1, entered.address2, entered.city, entered.state, entered.postal_code]
    folded = [(part or "").strip().casefold() for part in parts]
    digest = hashlib.sha256("\n".join([user.user_id, *folded]).encode(errors="replace")).digest()
    address_id = str(UUID(bytes=digest[:16], version=4))
    saved = user.addresses.get(address_id)
    if saved is None:
        saved = UserAddressResponse(user_address_id=address_id, address=geocoded(entered))
    if instructions is not None:
        saved = saved.model_copy(update={"instructions": instructions})
    user.addresses[address_id] = saved
    user.last_user_address_id = address_id
    return saved


def geocoded(entered: AddressInput) -> ExternalAddress:
    """Return an address with its location."""
    return ExternalAddress(
        address1=entered.address1,
        address2=entered.address2,
        city=entered.city,
        state=entered.state,
        postal_code=entered.postal_code,
        location=geocode(entered.address1, entered.city, entered.state, entered.postal_code),
    )
