"""Every exception of the kit, in one tree.

::

    WebhookKitError
    ├── ConfigurationError            the environment, a file or an adapter cannot be used; lists every mistake
    │   └── AdapterError                  the named adapter cannot be used
    │       ├── AdapterNotFound               no installed distribution provides it
    │       ├── AdapterImportFailed           its module exists, but importing it failed
    │       ├── AdapterWrongType              the object found is not a PosAdapter class
    │       └── AdapterDuplicate              two distributions claim one name
    ├── OperationRejected             the operation was rejected and changed nothing
    │   ├── InvalidArgument               an argument has a value that cannot be used
    │   ├── NotFound                      no order, store, item or update has this id
    │   ├── Conflict                      another process or person holds or changed it, or it exists already
    │   ├── InvalidTransition             the state of the order or store does not allow this step
    │   └── Forbidden                     the person may read only
    ├── NotPlaced                     the POS call failed before anything can have reached the POS
    ├── PosUnavailable                no POS call can be made or waited for now; retry_after says when to retry
    │   ├── ConcurrencyLimit              too many calls in flight, in total or for this store
    │   ├── CircuitOpen                   the store's circuit breaker is open
    │   └── PosTimeout                    the call did not answer within its deadline; it still runs
    ├── Unsupported                   the adapter does not offer this method
    ├── StoresUnavailable             a store may exist, but cannot be served now
    ├── OnboardingFailed              Gett refuses a store's registration or its catalog
    ├── OnboardingUncertain           a registration may have reached Gett; a person has to check
    ├── CatalogInvalid                a CatalogSet that contradicts itself
    ├── ArchiveUnavailable            the long-term archive cannot be used now
    ├── InvalidSignature              a webhook that is not authentic, or too old
    └── GettError                     a call to Gett failed
        ├── GettRetriable                 the same call may succeed later
        │   ├── GettUnreachable               no answer: connection refused, reset, timed out
        │   ├── GettRateLimited               429
        │   └── GettUnavailable               408, 425, 5xx
        └── GettPermanent                 the same call will fail again
            ├── GettUnauthorized              401, 403: the API key is not accepted
            ├── GettNotFound                  404
            ├── GettConflict                  409
            └── GettRejected                  every other 3xx or 4xx
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AdapterDuplicate",
    "AdapterError",
    "AdapterImportFailed",
    "AdapterNotFound",
    "AdapterWrongType",
    "ArchiveUnavailable",
    "CatalogInvalid",
    "CircuitOpen",
    "ConcurrencyLimit",
    "ConfigurationError",
    "Conflict",
    "Forbidden",
    "GettConflict",
    "GettError",
    "GettNotFound",
    "GettPermanent",
    "GettRateLimited",
    "GettRejected",
    "GettRetriable",
    "GettUnauthorized",
    "GettUnavailable",
    "GettUnreachable",
    "InvalidArgument",
    "InvalidSignature",
    "InvalidTransition",
    "NotFound",
    "NotPlaced",
    "OnboardingFailed",
    "OnboardingUncertain",
    "OperationRejected",
    "PosTimeout",
    "PosUnavailable",
    "StoresUnavailable",
    "Unsupported",
    "WebhookKitError",
]


class WebhookKitError(Exception):
    """The root: everything that the kit raises on purpose."""


class ConfigurationError(WebhookKitError):
    """The configuration cannot be used.

    :param mistakes: one line per mistake, which names the variable or file and says what to do.
    """

    def __init__(self, *mistakes: str) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistakes))


class AdapterError(ConfigurationError):
    """The named adapter cannot be used."""


class AdapterNotFound(AdapterError):
    """No installed distribution provides an adapter of that name."""


class AdapterImportFailed(AdapterError):
    """The module of the adapter exists, but importing it failed."""


class AdapterWrongType(AdapterError):
    """The object of that name is not a concrete ``PosAdapter`` class."""


class AdapterDuplicate(AdapterError):
    """Two installed distributions claim the same adapter name."""


class NotPlaced(WebhookKitError):
    """The POS call failed before anything can have reached the POS, so it is safe to try again.

    The HTTP session of adapters raises it when it could not connect. An adapter may raise it if it is certain.
    """


class PosUnavailable(WebhookKitError):
    """No POS call can be made or waited for now.

    :ivar retry_after: seconds after which to try again.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConcurrencyLimit(PosUnavailable):
    """Too many POS calls are in flight, in total or for this store. Nothing was called."""


class CircuitOpen(PosUnavailable):
    """The circuit breaker of the store is open, because its POS failed several times in a row. Nothing was called."""


class PosTimeout(PosUnavailable):
    """The POS did not answer within the deadline. The call still runs, and its result will be recorded."""


class Unsupported(WebhookKitError):
    """The adapter does not offer this method."""


class StoresUnavailable(WebhookKitError):
    """A store may exist, but cannot be served now: the stores were never read, or its record or adapter cannot be used."""


class OnboardingFailed(WebhookKitError):
    """The onboarding of a store cannot continue before a person has acted.

    :param lines: lines that say what happened and what to do.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


class OnboardingUncertain(WebhookKitError):
    """A registration was sent, and its answer was lost. It is never repeated automatically: Gett would register the store twice."""


class CatalogInvalid(WebhookKitError):
    """A CatalogSet that contradicts itself, by a dangling reference or a cycle.

    :param problems: one line each, with the JSON path.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class ArchiveUnavailable(WebhookKitError):
    """The long-term archive cannot be used now: PostgreSQL is away or slow, or has no tables of this version."""


class InvalidSignature(WebhookKitError):
    """The signature, time or authorization of a webhook is not valid (``gett-protocol.md §3``)."""


class OperationRejected(WebhookKitError):
    """The operation was rejected and changed nothing. Base of the four classes that say why."""


class InvalidArgument(OperationRejected):
    """An argument has a value that cannot be used, such as a time in the past."""


class NotFound(OperationRejected):
    """No order, store, item or update has this id."""


class Conflict(OperationRejected):
    """Another process or person holds or has changed it, or it exists already."""


class InvalidTransition(OperationRejected):
    """The state of the order or store does not allow this step."""


class Forbidden(OperationRejected):
    """The role of the person does not allow the action."""


class GettError(WebhookKitError):
    """A call to Gett failed.

    :ivar status: HTTP status, or None when no answer came.
    :ivar code: Gett's ``errorCode``, when the answer was a problem document.
    :ivar retry_after: seconds that Gett asked to wait, or None.
    :ivar problem: the problem document as received, or an empty mapping.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.problem = problem or {}

    @property
    def redirected(self) -> bool:
        """True for a 3xx. It is not followed, because the call contains the API key: ``GETT_API_URL`` is not Gett's address."""
        return self.status is not None and 300 <= self.status < 400


class GettRetriable(GettError):
    """The same call may succeed later."""


class GettUnreachable(GettRetriable):
    """No answer came: connection refused, reset, or timed out. The call may have reached Gett all the same."""


class GettRateLimited(GettRetriable):
    """429: the organisation's quota is used up (``gett-protocol.md §5``)."""


class GettUnavailable(GettRetriable):
    """408, 425 or 5xx."""


class GettPermanent(GettError):
    """The same call will fail again."""


class GettUnauthorized(GettPermanent):
    """401 or 403: the API key is not accepted. The call itself may be fine."""


class GettNotFound(GettPermanent):
    """404."""


class GettConflict(GettPermanent):
    """409."""


class GettRejected(GettPermanent):
    """Every other 4xx: Gett read the call and does not accept it. Or a 3xx: see :attr:`GettError.redirected`."""
