"""Write ``docs/errors.md`` from the code and ``scripts/errors.toml``: ``python scripts/make_errors.py``. A test compares."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.error_texts import ErrorText, error_texts  # noqa: E402 - found in the folder of the project alone
from webhook_kit.errors import GettError, GettRejected, GettUnauthorized, GettUnreachable  # noqa: E402
from webhook_kit.gett.http import _exception_for  # noqa: E402
from webhook_kit.gett.models.problem import ErrorCode  # noqa: E402
from webhook_kit.gett.models.session import SessionErrorCode  # noqa: E402
from webhook_kit.outbox.retry_policy import FailedUpdate, RetryPolicy  # noqa: E402
from webhook_kit.pos.reasons import Reason  # noqa: E402

PAGE = ROOT / "docs" / "errors.md"
TEXTS = ROOT / "scripts" / "errors.toml"

_HEAD = """# Error codes, exceptions and exit statuses

Every code, what it means and what to do: those that the kit answers to Gett, those that Gett answers to the kit, exceptions of an adapter,
and exit statuses of commands. Written from the code by `python scripts/make_errors.py`.

To find why one order was refused, ask for the order, by any number or the trace id:

```sh
webhook-kit order show REF
```

An order that did not pass `validateOrder` was never placed, so it is not listed: look for its `code` in the log line `webhook_answered`.

## The kit to Gett

`placeOrder` is refused with a problem document (RFC 9457), whose `errorCode` is one of these. `validateOrder` answers 200 with
`isValid: false`, and the same codes in `errors[]`, each with the place in the order (`jsonPath`). Everything that is wrong is listed at
once; the first one gives the document its code, but `STORE_CLOSED` comes before all others. A validateOrder that cannot be read or checked at all
gets a document, too.

A refusal of a placement is final: the same order gets the same answer for `IDEMPOTENCY_TTL`. What Gett may send *again* is not recorded; the
next attempt starts afresh, or gets the answer of the first one.

| code | status | again | when the kit sends it | what to do |
|---|---|---|---|---|
"""

_REASONS = """
An adapter refuses with a reason, which becomes one of these codes:

| code | reasons of an adapter (`Refused(Reason.…, "…")`) |
|---|---|
"""

_OUTAGES = """
### While the POS is down

Each 503 and 409 is a problem document with `retryAfter`, and the header `Retry-After` says the same. Gett sends the order again, the customer waits,
and the next attempt starts where the last one ended. A method that a row does not name works.

| what happens | validateOrder | placeOrder | `Retry-After` | placement after it |
|---|---|---|---|---|
"""

_OUTAGES_END = """
* validateOrder calls `quote` and nothing else. An adapter without `quote` is priced from the last good catalog, so each 503 of its column is a
  200 then, except without a catalog. The customer learns only from placeOrder that the POS is down. A wrong cart is 200 with `isValid: false`.
* The repetition of an order that was placed or refused gets the first answer without a call of the POS. One that comes while the first attempt is
  under way waits for its answer, and gets 409 only at `WEBHOOK_DEADLINE`.
* A POS that answers that it is closed, paused or too busy (`Refused`) is not down: `STORE_CLOSED`, final, 400 to placeOrder.
* A pause at Gett changes no answer: an order that still comes for a paused store is placed if its POS takes it.
* When the POS is back, an order in doubt is looked up, or placed again with the same key
  ([receiving.md](receiving.md#the-states-of-a-placement)). With neither, a person decides.
"""

_TEXTS = """
### Every text

Member `detail` of the document, or `message` in `errors[]`; `…` is what differs. Texts of a POS are its own.

| status | code | text | again |
|---|---|---|---|
"""

_GETT = """
## Gett to the kit

Gett's answers to updates of orders, stores and catalogs. `webhook-kit outbox` shows what waits and why, `webhook-kit outbox dead-letters` what
was given up. A dead letter blocks nothing: its lane goes on with the next update.

| answer | codes of the protocol | update of an order | update of a store or catalog |
|---|---|---|---|
"""

_OTHER_CALLS = """
The delays are 1, 2, 4 … at most 30 s, or what `Retry-After` says. Five failures in a row, of any lane, open the circuit breaker; then one
update at a time is tried. [outbox.md](outbox.md#quota-and-urgency) has the details.

Other calls of the kit:

* **Status of a store** (comparison, `webhook-kit stores list`): a failure changes nothing; the next round asks again.
* **Onboarding**: no answer, 408, 425, 5xx, 401 and 403 are tried again, except for the registration itself, whose lost answer needs a person.
  Every other 4xx stops the onboarding with Gett's reason ([stores.md](stores.md#onboarding)).
* **Consumers' sessions** (Marketfront API): the kit never calls it, so it never gets {sessions}. The sandbox answers them.

## Exceptions of an adapter

A refusal is a result (`return Refused(…)`), and a failure is an exception. Below `place_order`, `find_order`, `quote` and `fetch_catalog` is what
Gett is answered to placeOrder, and the state of the placement after it. Below `parse_event` is what the POS is answered to its webhook; Gett is
not part of that.

| raised in | {heads} |
|---|{lines}|
"""

_STATES = """
* `released`: nothing reached the POS. Gett sends the order again, and it is placed then. An order that was in doubt before stays so.
* `in_doubt`: the POS may have the order. Gett's next attempt looks it up first; with neither look-up nor key a person decides
  ([order_in_doubt](runbook.md#order_in_doubt)).
* 503 carries `Retry-After`, and the customer waits meanwhile. No text of an exception reaches Gett; the traceback is in the log.
* `find_order` is asked before every placement with such an adapter. It never raises `Unsupported`: without an answer nothing is placed.
* `fetch_catalog`: only while the store has no catalog yet. Later the last good one stays, and the failure is an
  [alert](runbook.md#catalog_not_published).
* A call that outlives its deadline is answered 503. It goes on, and its result is recorded.
* A result of another type counts as an exception: `in_doubt` for `place_order`, else 503.
* `store_status`: a failed health check. `orders_since`: the reconciliation of this store fails, and is tried again. `cancel_order`: the
  order is not cancelled, which is an [alert](runbook.md#order_not_cancelled). After `Unsupported` the kit goes on without the call.

## Commands

| exit status | meaning |
|---|---|
| 0 | done; also of `serve`, `worker` and `metrics serve` after SIGTERM |
| 1 | refused or failed, with one line per reason on the error output; or a question was answered with no |
| 2 | the command line itself is wrong: an unknown option, a missing argument |

Some commands are also used to find out something. For them 1 means:

| command | 1 means |
|---|---|
"""

_METHODS = ("place_order", "find_order", "quote", "fetch_catalog", "parse_event")


def page() -> str:
    """Return the page as it has to be.

    :raises LookupError: when a code that the kit sends has no text in ``errors.toml``, or the reverse.
    """
    explained = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    texts = error_texts(ROOT / "webhook_kit")
    sent = {each.code for each in texts} | {reason.code for reason in Reason}
    if different := sent ^ {ErrorCode(name) for name in explained["codes"]}:
        raise LookupError(f"{TEXTS.name} and the source differ in these codes: {', '.join(sorted(different))}")
    sessions = ", ".join(f"`{code}`" for code in SessionErrorCode)
    return "".join(
        [
            _HEAD,
            *_codes(explained["codes"], texts),
            "\nNever sent by the kit, because they belong to Gett's own calls: ",
            ", ".join(f"`{code}`" for code in ErrorCode if code not in sent) + ".\n",
            _REASONS,
            *_reasons(),
            _OUTAGES,
            *map(_outage, explained["outages"].values()),
            _OUTAGES_END,
            _TEXTS,
            *(_row(str(each.status), f"`{each.code}`", each.text, _yes(each.again)) for each in texts),
            _GETT,
            *_answers(),
            _OTHER_CALLS.format(
                sessions=sessions,
                heads=" | ".join(f"`{name}`" for name in _METHODS),
                lines="|".join(["---"] * len(_METHODS)),
            ),
            *(_exception(each) for each in explained["exceptions"]),
            _STATES,
            *(_row(f"`webhook-kit {name}`", text) for name, text in sorted(_exits(explained["exits"]))),
        ]
    )


def _codes(explained: dict[str, dict[str, str]], texts: list[ErrorText]) -> Iterator[str]:
    for code in sorted(map(ErrorCode, explained), key=lambda code: (code.kind.status, list(ErrorCode).index(code))):
        of_code = [each for each in texts if each.code is code]
        statuses = sorted({code.kind.status, *(each.status for each in of_code)})
        again = {each.status: each.again for each in of_code} | (
            {} if of_code else {code.kind.status: code.kind.retryable}
        )
        answer = ", ".join(map(_yes, set(again.values()))) if len(set(again.values())) == 1 else _each(again)
        about = explained[code]
        yield _row(f"`{code}`", ", ".join(map(str, statuses)), answer, about["when"], about["do"])


def _reasons() -> Iterator[str]:
    for code in dict.fromkeys(reason.code for reason in Reason):
        yield _row(f"`{code}`", ", ".join(f"`{reason.name}`" for reason in Reason if reason.code is code))


def _outage(entry: dict[str, str]) -> str:
    status, _, state = entry["place"].partition(" ")
    return _row(entry["case"], entry["validate"], status, _with_unit(entry["retry_after"]), state.replace("_", " "))


def _with_unit(seconds: str) -> str:
    return f"{seconds} s" if seconds.isdigit() else seconds


def _answers() -> Iterator[str]:
    yield _row("none: refused, reset, timed out", "", *_effects(GettUnreachable("")))
    yield _row("2xx, whatever its body", "", *(["taken"] * 2))
    yield _row("3xx", "", *_effects(GettRejected("", status=302)))
    statuses = sorted({code.kind.status for code in ErrorCode} | {408, 425})
    for status in statuses:
        codes = ", ".join(
            f"`{code}`" for code in ErrorCode if code.kind.status == status and code is not ErrorCode.OTHER
        )
        yield _row(str(status), codes, *_effects(_exception_for(status)("", status=status)))
    yield _row("any other 4xx", "", *_effects(_exception_for(418)("", status=418)))
    yield _row("any other 5xx", "", *_effects(_exception_for(599)("", status=599)))


def _effects(error: GettError) -> list[str]:
    """Return the effect of an answer on an update of an order, and on one of a store or a catalog."""
    return [_effect(error, of_order=True), _effect(error, of_order=False)]


def _effect(error: GettError, *, of_order: bool) -> str:
    policy = RetryPolicy()

    def retried(age: float) -> bool:
        return policy.decide(error, FailedUpdate(of_order, age, policy.min_attempts)).delay is not None

    if isinstance(error, GettUnauthorized):
        return "the next key; if all are refused, sending is halted, and nothing is given up"
    if not policy.decide(error, FailedUpdate(of_order, 0, 0)).counted:
        return "all updates wait for `retryAfter`; nothing is given up"
    if not retried(0):
        return "dead letter at once"
    alert = ", with an [alert](runbook.md#gett_redirected)" if error.redirected else ""
    if retried(policy.new_order_period):
        return f"retried for `OUTBOX_MAX_AGE`, then a dead letter{alert}"
    return f"retried for {policy.new_order_period / 60:.0f} minutes (Gett may not have read the receipt yet), then a dead letter"


def _exception(entry: dict[str, Any]) -> str:
    names = ", ".join(f"`{name}`" for name in entry["raised"].split(", "))
    return _row(f"{names}: {entry['means']}", *(entry[method].replace("_", " ") for method in _METHODS))


def _exits(explained: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    for commands in explained.values():
        text = ""
        for name, given in commands.items():
            text = text if given == "the same" else given
            yield name, text


def _each(again: dict[int, bool]) -> str:
    """Return the answer of most statuses, then the others."""
    usual = again[min(again)]
    others = ", ".join(f"{status}: {_yes(answer)}" for status, answer in again.items() if answer != usual)
    return f"{_yes(usual)}; {others}"


def _yes(answer: object) -> str:
    return "yes" if answer else "no"


def _row(*cells: str) -> str:
    return f"| {' | '.join(_escaped(cells))} |\n"


def _escaped(cells: Iterable[str]) -> list[str]:
    return [" ".join(cell.split()).replace("|", "\\|") for cell in cells]


if __name__ == "__main__":
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except LookupError as error:
        sys.exit(str(error))
