"""``webhook-kit schema``: print the JSON Schemas of Gett's protocol."""

from __future__ import annotations

import difflib
import json

import click

from webhook_kit.cli.common import json_option
from webhook_kit.cli.completion import complete_schemas
from webhook_kit.errors import ConfigurationError

__all__ = ["command"]


@click.command(name="schema")
@click.argument("name", required=False, shell_complete=complete_schemas)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """Print the JSON Schema of NAME. Without NAME, list all names.

    A schema is JSON with and without --json.
    """
    from webhook_kit.gett.schemas import SCHEMAS

    if name is None:
        click.echo(json.dumps(sorted(SCHEMAS)) if as_json else "\n".join(sorted(SCHEMAS)))
        return
    model = SCHEMAS.get(name)
    if model is None:
        raise ConfigurationError(f"there is no schema {name!r}; {_suggestion(name)}")
    schema = model.model_json_schema(by_alias=True, mode="validation")
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))


def _suggestion(name: str) -> str:
    from webhook_kit.gett.schemas import SCHEMAS

    # Wrong case is the most frequent mistake, so the comparison ignores case.
    lowered = {known.lower(): known for known in SCHEMAS}
    close = [lowered[match] for match in difflib.get_close_matches(name.lower(), lowered, n=3)]
    return f"did you mean {' or '.join(close)}?" if close else "`webhook-kit schema` lists them"
