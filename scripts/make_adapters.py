"""Write the tables of adapters and of their options from the code: ``python scripts/make_adapters.py``. A test compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from webhook_kit.adapter import Capability, PosAdapter
from webhook_kit.pos.store_config import config_fields
from webhook_kit.stores.adapters import installed

ROOT = Path(__file__).parents[1]

_DISTRIBUTION_PREFIX = "webhook-kit-"


def pages() -> dict[Path, str]:
    """Return the pages with their tables as the adapters under ``adapters/`` are now.

    :raises LookupError: when one of them cannot be used.
    """
    readme = ROOT / "README.md"
    texts = {readme: _replaced(readme, "adapters", _capabilities())}
    for name, folder, adapter in _adapters():
        page = ROOT / folder / "README.md"
        if page not in texts:  # several adapters of a distribution have the same options
            texts[page] = _replaced(page, "fields", _fields(name, adapter))
    return texts


def _adapters() -> Iterator[tuple[str, str, type[PosAdapter]]]:
    for each in installed():
        if not each.distribution.startswith(_DISTRIBUTION_PREFIX):
            continue
        if each.adapter is None:
            raise LookupError(f"{each.name} cannot be used: {each.problem}")
        yield each.name, f"adapters/{each.distribution.removeprefix(_DISTRIBUTION_PREFIX)}", each.adapter


def _capabilities() -> Iterator[str]:
    yield f"| adapter | {' | '.join(f'`{capability}`' for capability in Capability)} | one ticket rests on |"
    yield f"|---|{'---|' * len(Capability)}---|"
    for name, folder, adapter in _adapters():
        levels = [adapter.level(capability) for capability in Capability]
        yield f"| [{name}]({folder}) | {' | '.join(levels)} | {adapter.guarantee()} |"


def _fields(name: str, adapter: type[PosAdapter]) -> Iterator[str]:
    yield f"Generated from the code; `webhook-kit adapters show {name}` prints the same."
    yield from _table("option", adapter.Config)
    yield from _table("credential", adapter.Credentials)


def _table(kind: str, model: type[BaseModel]) -> Iterator[str]:
    yield from ("", f"| {kind} | type | required | default | description |", "|---|---|---|---|---|")
    for field in config_fields(model):
        required, default = "yes" if field.required else "", f"`{field.default}`" if field.default else ""
        cells = (f"`{field.name}`", field.type.replace("|", "\\|"), required, default, field.description)
        yield f"| {' | '.join(cells)} |"


def _replaced(page: Path, mark: str, lines: Iterator[str]) -> str:
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- /{mark} -->")
    if not end:
        raise LookupError(f"{page} has no <!-- {mark} --> … <!-- /{mark} -->")
    return "".join([before, begin, *(f"{line}\n" for line in lines), end, after])


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
