"""Texts of the problem documents and violations that the kit answers, read from the source with their codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from webhook_kit.gett.models.problem import ErrorCode

__all__ = ["ErrorText", "error_texts"]

_PLACES = (
    *("app.py", "server", "webhooks", "placement", "catalog/cart.py", "gett/signing.py", "pos/executor.py"),
    *("publishing/last_good.py", "operations/metrics_page.py"),
)

_CODE_OF = {
    "unavailable": ErrorCode.SERVICE_UNAVAILABLE,
    "CatalogUnavailable": ErrorCode.SERVICE_UNAVAILABLE,
    "CircuitOpen": ErrorCode.SERVICE_UNAVAILABLE,
    "ConcurrencyLimit": ErrorCode.SERVICE_UNAVAILABLE,
    "PosTimeout": ErrorCode.SERVICE_UNAVAILABLE,
    "InvalidSignature": ErrorCode.UNAUTHENTICATED,
    "TokenRefused": ErrorCode.INVALID_REQUEST,
    "_invalid": ErrorCode.INVALID_REQUEST,
    "_item_unavailable": ErrorCode.ITEM_UNAVAILABLE,
    "_illegal_modifier": ErrorCode.MODIFIER_REQUIRED,
    "_different": ErrorCode.ORDER_TOTAL_DIFFERENT,
}
"""Functions and exceptions that stand for one code; their text becomes the text of the answer."""

_WITH_CODE = ("Problem", "_violation", "ValidationError")
"""Calls that name their code."""


class ErrorText(NamedTuple):
    """A text of an answer; ``…`` stands for what differs from answer to answer.

    :ivar again: Gett may send the same request again.
    """

    code: ErrorCode
    status: int
    text: str
    again: bool


def error_texts(package: Path) -> list[ErrorText]:
    """Return every text, sorted by status and code.

    A violation that only repeats the text of its document is left out: the document's status and code are those of the answer.

    :param package: the folder of the package.
    """
    found = {text for path in _files(package) for text in _texts(path)}
    order = list(ErrorCode)
    return sorted(found, key=lambda each: (each.status, order.index(each.code), each.text.lower()))


def _files(package: Path) -> Iterator[Path]:
    for place in _PLACES:
        path = package / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _texts(path: Path) -> Iterator[ErrorText]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            variables = _variables(scope)
            calls = [call for call in ast.walk(scope) if isinstance(call, ast.Call)]
            answers = [(_name(call), ErrorText(*answer)) for call in calls if (answer := _answer(call, variables))]
            documents = {each.text for name, each in answers if name == "Problem"}
            yield from (each for name, each in answers if name != "ValidationError" or each.text not in documents)


def _answer(call: ast.Call, variables: dict[str, ast.expr]) -> tuple[ErrorCode, int, str, bool] | None:
    """Return code, status, text and retryability of a call that makes an answer; None for any other."""
    name = _name(call)
    if name not in _CODE_OF and name not in _WITH_CODE:
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    code = _CODE_OF.get(name) or next(filter(None, (_code(each, variables) for each in _arguments(call))), None)
    text = next(filter(None, (_text(each, variables) for each in _arguments(call))), None)
    if code is None or text is None:
        return None
    status, again = named.get("status"), named.get("retryable")
    return (
        code,
        int(ast.literal_eval(status)) if isinstance(status, ast.Constant) else code.kind.status,
        text,
        bool(ast.literal_eval(again)) if isinstance(again, ast.Constant) else code.kind.retryable,
    )


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords if word.arg in ("code", "message"))]


def _variables(scope: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.expr]:
    """Return what the names of a function are assigned, the last assignment of each."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            targets, values = node.targets[0], node.value
            pairs = (
                zip(targets.elts, values.elts, strict=True)
                if isinstance(targets, ast.Tuple) and isinstance(values, ast.Tuple)
                else [(targets, values)]
            )
            found |= {target.id: value for target, value in pairs if isinstance(target, ast.Name)}
    return found


def _code(node: ast.expr, variables: dict[str, ast.expr]) -> ErrorCode | None:
    node = variables.get(node.id, node) if isinstance(node, ast.Name) else node
    named = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ErrorCode"
    return ErrorCode(node.attr) if named and isinstance(node, ast.Attribute) else None


def _text(node: ast.expr, variables: dict[str, ast.expr]) -> str | None:
    node = variables.get(node.id, node) if isinstance(node, ast.Name) else node
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None
