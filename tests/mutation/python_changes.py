"""Changes of a Python module, found in its syntax tree.

Left out, because no test has to notice them: texts for people (strings with a space, f-strings), log calls, arguments of an
exception, assertions, annotations, decorators, ``__all__`` and ``__slots__``, and the members of an enum.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from tests.mutation.mutants import Change

__all__ = ["python_changes"]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LOGS = ("log", "_log")
_UNTESTED_NAMES = {"__all__", "__slots__"}
_TYPED_ARGUMENTS = {"isinstance", "getattr", "zip"}  # swapped, they raise at once
_UNTESTED_CALLS = {"TypeVar", "cast", "field", "logger"}


def python_changes(source: bytes) -> Iterator[Change]:
    """Yield the changes of a module."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    yield from finder.found


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes) -> None:
        self.found: list[Change] = []
        self._source = source
        lengths = [len(line) for line in source.splitlines(keepends=True)]
        self._offsets = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
        self._names: list[str] = []
        self._unit = (0, len(source))
        self._scope = ""

    # -- places --------------------------------------------------------------------------------------------------------

    def _span(self, node: Any) -> tuple[int, int]:
        start = self._offsets[node.lineno - 1] + node.col_offset
        return start, self._offsets[node.end_lineno - 1] + node.end_col_offset

    def _replace(self, node: ast.AST, new: ast.AST | str) -> None:
        start, end = self._span(node)
        text = new if isinstance(new, str) else f"({ast.unparse(new)})"
        self.found.append(Change(start, end, text.encode(), self._scope, self._unit))

    def _changed(self, node: Any, **fields: Any) -> None:
        """Replace a node by one in which some fields differ."""
        self._replace(node, type(node)(**{name: getattr(node, name, None) for name in node._fields} | fields))

    # -- scopes --------------------------------------------------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._names.append(node.name)
        is_enum = any(ast.unparse(base).endswith("Enum") for base in node.bases)
        self._visit_all([each for each in node.body if not is_enum or isinstance(each, ast.FunctionDef)])
        self._names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_all([each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None])
        outermost = not self._scope
        if outermost:
            self._scope = ".".join([*self._names, node.name])
            self._unit = self._span(node)
        self._visit_all(node.body)
        if outermost:
            self._scope, self._unit = "", (0, len(self._source))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    # -- left out ------------------------------------------------------------------------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    # -- statements ----------------------------------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or self._is_log_call(node.value):
            return
        self._replace(node, "pass")
        self.generic_visit(node)

    @staticmethod
    def _is_log_call(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in _LOGS

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "pass")

    def visit_Delete(self, node: ast.Delete) -> None:
        self._replace(node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self._replace(node, "pass")
        elif not isinstance(node.value, ast.Constant):
            self._replace(node, "return None")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Name) and node.targets[0].id in _UNTESTED_NAMES:
            return
        if not self._scope and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr):
            return  # an alias of types
        if self._scope and not isinstance(node.targets[0], ast.Name | ast.Tuple):
            self._replace(node, "pass")
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and ast.unparse(node.annotation) != "TypeAlias":
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass")
        if type(node.op) in _OPERATORS and not _is_text(node.value):
            new = ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
            self._replace(node, ast.unparse(new))
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    # -- expressions ---------------------------------------------------------------------------------------------------

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        turned = (
            isinstance(test, ast.Compare)
            and len(test.ops) == 1
            and isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn)
        )
        if not turned and not (
            isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        ):  # those are turned anyway
            self._replace(test, ast.UnaryOp(ast.Not(), test))

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, operator in enumerate(node.ops):
            self._changed(node, ops=[*node.ops[:index], _COMPARISONS[type(operator)](), *node.ops[index + 1 :]])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._replace(node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in _OPERATORS and not (_is_text(node.left) or _is_text(node.right)):
            self._changed(node, op=_OPERATORS[type(node.op)]())
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if self._is_log_call(node) or (isinstance(node.func, ast.Name) and node.func.id in _UNTESTED_CALLS):
            return
        if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
            self._replace(node.func, _NAMES[node.func.id])
        typed = isinstance(node.func, ast.Name) and node.func.id in _TYPED_ARGUMENTS
        if len(node.args) > 1 and not typed and ast.dump(node.args[-2]) != ast.dump(node.args[-1]):
            self._changed(node, args=[*node.args[:-2], node.args[-1], node.args[-2]])
        for index, keyword in enumerate(node.keywords):
            if keyword.arg is None or keyword.arg == "strict":  # of zip: it guards against our own faults
                continue
            self._changed(node, keywords=[*node.keywords[:index], *node.keywords[index + 1 :]])
        self._visit_all([node.func, *node.args, *(each.value for each in node.keywords if each.arg != "strict")])

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value))
        elif isinstance(value, int | float):
            self._replace(node, str(value + 1))
            self._replace(node, f"({value - 1})")
        elif isinstance(value, str) and value and " " not in value:
            self._replace(node, repr(f"{value}~"))


def _is_text(node: ast.expr) -> bool:
    """Return True for a text: an operator other than + on it raises at once."""
    if isinstance(node, ast.IfExp):
        return _is_text(node.body)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
