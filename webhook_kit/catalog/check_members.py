"""Members that the protocol does not define, and that probably mean one that it defines (``gett-protocol.md §4``).

Unknown members are allowed, so most of them are no violation. Two kinds are: a misspelled name, and a name by which another system
says something that has another name, or no place, in the protocol. Both have no effect, and nobody would notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache

from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, printable
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DefaultItem,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
    Tier,
)

__all__ = ["UnknownMembers", "advice", "intended_member"]

_LONGEST = 40
"""Longest name that is compared; a longer one is not a misspelling."""
_MOST_NAMES = 1_000
"""Names that are compared per check, because a comparison is slow and a hostile catalog has millions."""
_SIMILARITY = 0.8

_SET, _CATALOG, _SECTION, _ITEM = ExternalCatalogSet, ExternalCatalog, ExternalSection, ExternalItem
_GROUP, _WINDOW, _DEFAULT, _TIER = ExternalModifierGroup, AvailabilityWindow, DefaultItem, Tier
_ENTITIES = (_CATALOG, _SECTION, _ITEM, _GROUP)

_BOUNDS = "the bounds are minimumAllowed and maximumAllowed"
_IDS = "id uuid guid plu sku externalid"
_FOREIGN: tuple[tuple[tuple[type[Wire], ...], str, str], ...] = (
    (
        _ENTITIES,
        (
            "soldout issoldout available isavailable instock outofstock isoutofstock enabled isenabled disabled active isactive"
            " suspended suspensioninfo hidden ishidden visible isvisible stock inventory quantityavailable availablequantity unavailable isunavailable status state 86 is86"
        ),
        "it would still be sold: leave out what is not for sale, or use `webhook-kit catalog mark-unavailable`",
    ),
    (
        (*_ENTITIES, _SET),
        "sort sortorder ordinal position displayorder sequence rank",
        "things are shown in the order of the lists of ids",
    ),
    ((_CATALOG,), _IDS, "the id is catalogId"),
    ((_SECTION,), _IDS, "the id is sectionId"),
    ((_ITEM, _DEFAULT), f"{_IDS} productid modifierid", "the id is itemId"),
    ((_GROUP,), _IDS, "the id is modifierGroupId"),
    (_ENTITIES, "title displayname label caption", "the name is name"),
    ((_ITEM,), "desc details subtitle longdescription", "the text is description"),
    (
        (_ITEM,),
        "price cost amount pricemoney priceinfo unitprice pricing offers",
        "the price is basePrice, in major units (15.25)",
    ),
    ((_ITEM,), "startsat pricefrom fromprice minprice", "the lowest price for display is startingAt"),
    ((_ITEM,), "image images photo picture thumbnail imageid", "the picture is imageUrl, an https address"),
    (
        (_ITEM,),
        (
            "modifiers modifierlists modifierlistinfo modifiergroups modifiergroupreferences optiongroups options groups groupids variations"
            " variants sizes addons"
        ),
        "choices are modifier groups, listed in modifierGroupIds; sizes are a required group",
    ),
    (
        (_ITEM, _SET),
        "tax taxes taxrate taxids taxinfo taxable vat vatrate",
        "taxes are part of the answer to validateOrder",
    ),
    (
        (_ITEM,),
        "allergens allergeninfo calories kcal nutrition nutritionalinfo dietarylabels dietaryinfo tags labels ingredients",
        "it has no place in the protocol: write into description what customers have to know",
    ),
    (
        (_ITEM, _SECTION),
        (
            "minquantity maxquantity minimumquantity maximumquantity minorderquantity maxorderquantity quantityinfo"
            " quantityconstraints"
        ),
        "quantities of an item have no bounds in the protocol: refuse such a cart in validate_order",
    ),
    (
        (_GROUP,),
        "required isrequired multiselect selectiontype quantityinfo quantityconstraints",
        _BOUNDS,
    ),
    ((_GROUP,), "options modifiers modifieroptions modifieroptionreferences items", "the options are items, in itemIds"),
    ((_GROUP,), "defaults default isdefault preselected defaultids", "preselected options are defaultItems"),
    ((_GROUP,), "allowduplicates allowrepeats repeatable", "it is enableDuplicateItems"),
    ((_GROUP,), "price pricing pricemoney pricingstrategy", "prices are those of the options (basePrice), or tiers"),
    ((_SECTION,), "items products dishes menuitems hasmenuitem", "the items are listed by id in itemIds"),
    (
        (_SECTION,),
        "sections subsections categories subcategories children groups hasmenusection",
        "the sections in it are listed by id in sectionIds",
    ),
    (
        (_CATALOG,),
        "sections categories groups menugroups hasmenusection",
        "the sections are listed by id in sectionIds",
    ),
    (
        (_CATALOG,),
        "hours openinghours servicehours businesshours schedule availabilities serviceavailability times",
        "opening hours are availability",
    ),
    ((_SECTION, _ITEM, _SET), "availability hours openinghours servicehours", "opening hours belong to a catalog"),
    (
        (_SET, _CATALOG, _WINDOW),
        "holidays holidayhours specialhours exceptions closeddates date dates startdate enddate validfrom validthrough",
        "hours repeat every week: pause the store on a holiday",
    ),
    ((_SET, _CATALOG, _WINDOW), "timezone tz zone", "hours are in the time zone of the store"),
    ((_SET, _ITEM, _TIER), "currency currencycode", "amounts are in the currency of the store"),
    (
        (_SET,),
        "menus categories products dishes modifiers modifierlists options",
        "the tables are catalogs, sections, items and modifierGroups",
    ),
    ((_WINDOW,), "day days weekday", "the day is dayOfWeek"),
    ((_WINDOW,), "open opens from starttime opentime timefrom startlocaltime", "the time is start"),
    ((_WINDOW,), "close closes to until endtime closetime timeto endlocaltime", "the time is end"),
    ((_DEFAULT,), "qty count amount", "it is quantity"),
    ((_TIER,), "from min threshold quantity", "the number of earlier selections is offset"),
    ((_TIER,), "amount cost pricemoney", "it is price"),
)  # fmt: skip
_ADVICE: Mapping[type[Wire], Mapping[str, str]] = {
    model: {name: text for models, names, text in _FOREIGN if model in models for name in names.split()}
    for model in (*_ENTITIES, _SET, _WINDOW, _DEFAULT, _TIER)
}


@dataclass
class UnknownMembers:
    """Unknown members of a catalog that are a violation, each told once with the number of entities that have it.

    :ivar findings: the violations.
    :ivar references: ids in misspelled lists of references: these entities are not forgotten, only misreferred to.
    """

    findings: list[Finding]
    references: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, index: CatalogIndex) -> UnknownMembers:
        """Find them in a catalog."""
        first: dict[tuple[type[Wire], str], tuple[str, str, str]] = {}
        count: dict[tuple[type[Wire], str], int] = {}
        result = cls([])
        for table, key, step, part in _with_unknown_members(index):
            for name, value in (part.model_extra or {}).items():
                place = type(part), name
                count[place] = count.get(place, 0) + 1
                if place not in first and len(first) < _MOST_NAMES:
                    first[place] = table, key, step
                if isinstance(value, list) and name.lower().endswith("s"):
                    result.references.update(one for one in value if isinstance(one, str))
        for (model, name), (table, key, step) in first.items():
            if finding := _finding(
                model, name, f"{entity_path(table, key) if table else '$'}{step}", count[model, name]
            ):
                result.findings.append(finding)
        return result


def advice(model: type[Wire], name: str) -> str | None:
    """Return advice on a member that another system has; None for any other name."""
    if len(name) > _LONGEST:
        return None
    normalized = _normalized(name)
    if model is _GROUP and normalized.startswith(("min", "max")) and intended_member(model, name) is None:
        return _BOUNDS
    return _ADVICE.get(model, {}).get(normalized)


@lru_cache(maxsize=10_000)
def intended_member(model: type[Wire], name: str) -> str | None:
    """Return the name in JSON of the member that a misspelled name probably means."""
    if len(name) > _LONGEST:
        return None
    known = _known(model)
    close = get_close_matches(_normalized(name), known, n=1, cutoff=_SIMILARITY)
    return known[close[0]] if close else None


def _finding(model: type[Wire], name: str, path: str, count: int) -> Finding | None:
    more = "" if count == 1 else f" (in {count:,} places)"
    path = f"{path}.{printable(name[:_LONGEST])}"
    if text := advice(model, name):
        return CatalogRule.FOREIGN_MEMBER.at(path, f"{text}{more}")
    if intended := intended_member(model, name):
        return CatalogRule.MISSPELLED_MEMBER.at(path, f"is not defined; did you mean {intended}?{more}")
    return None


def _with_unknown_members(index: CatalogIndex) -> Iterator[tuple[str, str, str, Wire]]:
    """Yield each object that has unknown members, with its table, the key of its entity and the step from there."""
    if index.catalog.model_extra:
        yield "", "", "", index.catalog
    for table, entities in index.tables.items():
        if table in ("sections", "items"):
            yield from ((table, key, "", one) for key, one in entities.items() if one.model_extra)
            continue
        for key, one in entities.items():
            if one.model_extra:
                yield table, key, "", one
            for member, parts in _parts(one):
                for position, part in enumerate(parts):
                    if part.model_extra:
                        yield table, key, f".{member}[{position}]", part


def _parts(one: Wire) -> Iterator[tuple[str, Iterable[Wire]]]:
    if isinstance(one, ExternalCatalog):
        yield "availability", one.availability or ()
    elif isinstance(one, ExternalModifierGroup):
        yield "defaultItems", one.default_items or ()
        yield "tiers", one.tiers or ()


@cache
def _known(model: type[Wire]) -> dict[str, str]:
    """Map the members of a model, in the form in which names are compared, to their names in JSON."""
    names = [member.alias or name for name, member in model.model_fields.items()]
    return {_normalized(name): name for name in names}


def _normalized(name: str) -> str:
    return "".join(character for character in name.lower() if character not in "_- ")
