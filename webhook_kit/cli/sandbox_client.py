"""Calls of a running sandbox's control API, and the option that says where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from webhook_kit.errors import WebhookKitError

if TYPE_CHECKING:
    import requests

__all__ = ["DEFAULT_PORT", "SandboxError", "SandboxUnreachable", "ask_sandbox", "sandbox_url"]

DEFAULT_PORT = 8090
_TIMEOUT = 60.0


class SandboxError(WebhookKitError):
    """The sandbox refused a command, or cannot be reached."""


class SandboxUnreachable(SandboxError):
    """No sandbox answers at the address."""


sandbox_url = click.option(
    "--url",
    envvar="SANDBOX_URL",
    default=f"http://127.0.0.1:{DEFAULT_PORT}",
    show_default=True,
    show_envvar=True,
    help="URL of the running sandbox.",
)


def ask_sandbox(method: str, url: str, body: Any = None) -> Any:
    """Call the control API and return the JSON of the response.

    :raises SandboxUnreachable: there is no sandbox.
    :raises SandboxError: with the sandbox's error.
    """
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, url, json=body, timeout=_TIMEOUT)
    except requests.exceptions.RequestException as error:
        raise SandboxUnreachable(
            f"no sandbox at {url.partition('/__sandbox')[0]} ({type(error).__name__}); "
            "start one with `webhook-kit sandbox`, or set --url"
        ) from error
    if response.status_code >= 400:
        raise SandboxError(*_errors(response))
    return response.json() if response.content else None


def _errors(response: requests.Response) -> list[str]:
    try:
        problem = response.json()
        errors = [f"{error.get('jsonPath', '$')}: {error['message']}" for error in problem.get("errors", [])]
        return ["\n".join(errors) or str(problem["detail"])]
    except (ValueError, KeyError, AttributeError):
        return [f"the sandbox answered {response.status_code}"]
