"""Odoo's external API: ``POST /json/2/<model>/<method>`` with an API key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

import requests

from webhook_kit import WebhookKitError

__all__ = ["Odoo", "OdooError", "Row"]

Row = dict[str, Any]
"""A record of ``search_read``: many2one as id, numbers with a decimal point as Decimal, an empty field as False."""


class OdooError(WebhookKitError):
    """Odoo responded with an error: its transaction was rolled back.

    :ivar status: HTTP status.
    :ivar name: the exception's class (``odoo.exceptions.UserError``); empty if the response is not one of Odoo's API.
    :ivar message: its text for people.
    """

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(f"Odoo responded {status} {name or 'without JSON'}: {message}")
        self.status = status
        self.name = name
        self.message = message

    @property
    def refuses(self) -> bool:
        """True if a business rule or a missing right has refused the call, as opposed to a fault."""
        return bool(self.name) and self.status in (requests.codes.forbidden, requests.codes.unprocessable)


@dataclass(frozen=True, slots=True)
class Odoo:
    """API of one Odoo database, for one user.

    :ivar database: its name; None if the server has only one.
    :ivar company: the company in which calls are made; None: the user's own.
    """

    http: requests.Session
    url: str
    database: str | None
    key: str = field(repr=False)
    company: int | None = None

    def in_company(self, company: int) -> Self:
        """Return the API for calls in a company: taxes, accounts and currency depend on it."""
        return replace(self, company=company)

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """Call a method and return its result.

        :raises OdooError: for an error response; the traceback that Odoo sends is left out.
        :raises requests.RequestException: when no response arrived.
        """
        headers = {"Authorization": f"bearer {self.key}", "Content-Type": "application/json"}
        if self.database:
            headers["X-Odoo-Database"] = self.database
        if self.company:
            arguments["context"] = {"allowed_company_ids": [self.company], **arguments.get("context", {})}
        body = json.dumps(_storable(arguments), default=_number)
        response = self.http.post(f"{self.url}/json/2/{model}/{method}", data=body, headers=headers)
        if response.status_code != requests.codes.ok:
            raise _error(response)
        return response.json(parse_float=Decimal)

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str], **more: Any) -> list[Row]:
        """Return the matching records, without archived ones.

        :param more: ``order``, ``limit``, ``context``.
        """
        rows: list[Row] = self.call(model, "search_read", domain=list(domain), fields=list(fields), load=None, **more)
        return rows

    def table(self, model: str, ids: Any, fields: Sequence[str], **more: Any) -> dict[int, Row]:
        """Return the records with these ids by id, without archived ones."""
        unique = sorted(set(ids))
        rows = self.rows(model, [("id", "in", unique)], fields, **more) if unique else []
        return {row["id"]: row for row in rows}


def _storable(value: Any) -> Any:
    """Return a value whose texts PostgreSQL can store: NUL is left out, half of a character outside the BMP is replaced."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _error(response: requests.Response) -> OdooError:
    try:
        content = response.json()
        name, message = str(content["name"]), str(content["message"])
    except (ValueError, LookupError, TypeError):
        name, message = "", str(response.reason)
    if response.status_code >= requests.codes.internal_server_error:
        message = "see Odoo's own log"  # the text of a fault may contain a whole record, with a customer's phone number
    return OdooError(response.status_code, name, message)
