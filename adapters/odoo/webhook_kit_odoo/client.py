"""Odoo's external API: ``POST /json/2/<model>/<method>`` with an API key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests

from webhook_kit.errors import WebhookKitError

__all__ = ["Odoo", "OdooError", "Row"]

Row = dict[str, Any]
"""A record, as ``search_read`` gives it: many2one as id, numbers with a point as Decimal, an empty field as False."""


class OdooError(WebhookKitError):
    """Odoo answered, and the answer is an error: its transaction was rolled back.

    :ivar status: HTTP status.
    :ivar name: the exception's class (``odoo.exceptions.UserError``).
    :ivar words: what it says to people.
    """

    def __init__(self, status: int, name: str, words: str) -> None:
        super().__init__(f"Odoo answered {status} {name}: {words}")
        self.status = status
        self.name = name
        self.words = words

    @property
    def refuses(self) -> bool:
        """Whether it is a business rule that says no, not a fault."""
        return self.status == 422  # what Odoo answers for a UserError and its kin


@dataclass(frozen=True, slots=True)
class Odoo:
    """One Odoo database, as one user may see it.

    :ivar database: its name; None where the server has only one.
    """

    http: requests.Session
    url: str
    database: str | None
    key: str = field(repr=False)

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """The method's result.

        :raises OdooError: when Odoo says no; the traceback that Odoo sends along is left out.
        :raises requests.RequestException: when no answer came.
        """
        headers = {"Authorization": f"bearer {self.key}", "Content-Type": "application/json"}
        if self.database:
            headers["X-Odoo-Database"] = self.database
        body = json.dumps(arguments, default=_number)
        answer = self.http.post(f"{self.url}/json/2/{model}/{method}", data=body, headers=headers)
        if answer.status_code != requests.codes.ok:
            raise _error(answer)
        return answer.json(parse_float=Decimal)

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str], **more: Any) -> list[Row]:
        """The records that match, archived ones left out.

        :param more: ``order``, ``limit``, ``context``.
        """
        found: list[Row] = self.call(model, "search_read", domain=list(domain), fields=list(fields), load=None, **more)
        return found


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} does not travel as JSON")


def _error(answer: requests.Response) -> OdooError:
    try:
        said = answer.json()
        name, words = str(said["name"]), str(said["message"])
    except (ValueError, LookupError, TypeError):
        name, words = "without JSON", str(answer.reason)
    if answer.status_code >= requests.codes.internal_server_error:
        words = "see Odoo's own log"  # the words of a fault may quote a whole record, a customer's phone included
    return OdooError(answer.status_code, name, words)
