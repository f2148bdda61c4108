"""docs/errors.md is that of the code, and its texts are about codes and commands that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from scripts import make_errors
from scripts.error_texts import error_texts
from scripts.make_commands import commands
from webhook_kit.gett.models.problem import ErrorCode

EXPLAINED = tomllib.loads(make_errors.TEXTS.read_text(encoding="utf-8"))
CLI = make_errors.ROOT / "webhook_kit" / "cli"


def test_page_is_current() -> None:
    assert make_errors.PAGE.read_text(encoding="utf-8") == make_errors.page(), "run python scripts/make_errors.py"


def test_each_module_that_exits_by_itself_has_its_commands_in_the_table() -> None:
    exits = {path.stem for path in CLI.glob("*.py") if re.search(r"(sys\.exit|SystemExit)\((?!0\))", path.read_text())}
    assert exits - {"__init__"} == set(EXPLAINED["exits"])
    named = {name for of_module in EXPLAINED["exits"].values() for name in of_module}
    assert named <= {name for name, _ in commands()}


def test_texts_of_all_forms_are_found_in_a_source(tmp_path: Path) -> None:
    package = tmp_path / "kit"
    (package / "webhooks").mkdir(parents=True)
    (package / "webhooks" / "x.py").write_text(
        "def f(name):\n"
        "    raise Problem(ErrorCode.CONFLICT, 'is being placed', retryable=True)\n"
        "def g(name):\n"
        "    detail = f'{name} is too large'\n"
        "    raise Problem(ErrorCode.INVALID_REQUEST, detail, status=413)\n"
        "def h(name):\n"
        "    code, path = ErrorCode.OTHER, '$'\n"
        "    return ValidationError(code=code, message='of another kind', json_path=path)\n"
        "def i(name):\n"
        "    raise unavailable(f'the POS of {name} is away', retry_after=5)\n"
        "def k(name):\n"
        "    detail = 'the key is used'\n"
        "    error = ValidationError(code=ErrorCode.OTHER, message=detail)\n"
        "    raise Problem(ErrorCode.VALIDATION_FAILED, detail, errors=[error])\n"
        "def j(error):\n"
        "    raise Problem(ErrorCode.CONFLICT, str(error))\n"
    )
    assert error_texts(package) == [
        (ErrorCode.OTHER, 400, "of another kind", False),
        (ErrorCode.CONFLICT, 409, "is being placed", True),
        (ErrorCode.INVALID_REQUEST, 413, "… is too large", False),
        (ErrorCode.VALIDATION_FAILED, 422, "the key is used", False),
        (ErrorCode.SERVICE_UNAVAILABLE, 503, "the POS of … is away", True),
    ]
