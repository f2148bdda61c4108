"""The rules of a CatalogSet: what each demands, how bad it is to break it, and what to do then (``gett-protocol.md §4``).

They are broken in the raw bytes (:mod:`~webhook_kit.catalog.lenient_parse`), in what makes a menu impossible to check or price
(:mod:`~webhook_kit.catalog.integrity`), or in what :mod:`~webhook_kit.catalog.check` looks at besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

__all__ = ["CatalogRule", "Finding", "Severity", "entity", "shown"]


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The ingestion would fail, or something on the menu could not be ordered or priced."""
    WARNING = "warning"
    """The menu works, but hardly as it was meant."""


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


class CatalogRule(StrEnum):
    """Every rule, under a name that stays.

    :ivar severity: how bad it is to break it.
    :ivar meaning: what it demands.
    :ivar source: where that is written; ``[D]`` is our own decision.
    :ivar hint: what to do when it is broken.
    """

    severity: Severity
    meaning: str
    source: str
    hint: str

    def __new__(cls, name: str, severity: Severity, meaning: str, source: str, hint: str) -> Self:
        """A member is written as the tuple of its name and the four attributes."""
        rule = str.__new__(cls, name)
        rule._value_ = name
        rule.severity, rule.meaning, rule.source, rule.hint = severity, meaning, source, hint
        return rule

    # -- the bytes -----------------------------------------------------------------------------------------------------
    TOO_LARGE = (
        *("too-large", _ERROR, "The file is no larger than a menu can sensibly be; a larger one is not even read."),
        *("[D]", "Leave out what no menu needs, pictures inside the file above all; refer to them by imageUrl."),
    )
    NOT_JSON = (
        *("not-json", _ERROR, "The file is JSON, in UTF-8 and whole, with finite numbers."),
        *("protocol, head", "Write it with a JSON library, and check that the transfer was complete."),
    )
    TOO_DEEP = (
        *("too-deep", _ERROR, "The JSON nests no deeper than 200 levels."),
        *("[D]", "The tables of a CatalogSet are flat: entities name each other by id instead of holding each other."),
    )
    DUPLICATE_KEY = (
        *("duplicate-key", _ERROR, "No JSON object has one key twice: all but one of the two would be lost."),
        *("[D]", "Give each entity an id of its own, and each member once."),
    )
    WRONG_SHAPE = (
        *("wrong-shape", _ERROR, "Every required member is there, and every member has its type and format."),
        *("§4", "Write the member as the protocol has it."),
    )
    CLOCK_FORMAT = (
        *("clock-format", _WARNING, "The times of a window are written HH:mm:ss."),
        *("§4", "Write 07:00:00, not 7:00 or 07:00."),
    )

    # -- what the entities say of each other ---------------------------------------------------------------------------
    KEY_IS_NOT_ID = (
        *("key-is-not-id", _ERROR, "Every key of a table is its entity's own id."),
        *("§4", "Use the entity's id as its key."),
    )
    DANGLING_REFERENCE = (
        *("dangling-reference", _ERROR, "Every id that is referred to exists."),
        *("§2, §4", "Add what is missing, or remove the reference."),
    )
    DUPLICATE_REFERENCE = (
        *("duplicate-reference", _WARNING, "No list names one id twice."),
        *("[D]", "Remove the second mention: people would see it twice, or not at all."),
    )
    SECTION_CYCLE = (
        *("section-cycle", _ERROR, "No section holds itself, through however many others."),
        *("§4", "Remove one of the references of the circle."),
    )
    MODIFIER_CYCLE = (
        *("modifier-cycle", _ERROR, "No item is an option of itself, through however many groups."),
        *("§4", "Remove one of the references of the circle; copy the option without its modifiers if need be."),
    )
    MODIFIERS_TOO_DEEP = (
        *("modifiers-too-deep", _WARNING, "Modifiers nest no deeper than an order that the kit accepts can hold."),
        *("§3 [D]", "Offer inner choices as groups of an outer item."),
    )
    UNREACHABLE = (
        *("unreachable", _WARNING, "Every entity is reached from a catalog: through sections, items and groups."),
        *("[D]", "Refer to it, or leave it out: nobody can see or order it."),
    )
    NOTHING_ON_SALE = (
        *("nothing-on-sale", _ERROR, "At least one item is reached from a catalog: an empty menu replaces a good one."),
        *("§2 [D]", "Send the whole menu each time; to take no orders for a while, pause the store."),
    )

    # -- choices -------------------------------------------------------------------------------------------------------
    MINIMUM_ABOVE_MAXIMUM = (
        *("minimum-above-maximum", _ERROR, "A group's minimumAllowed is no more than its maximumAllowed."),
        *("§4", "Lower the minimum or raise the maximum."),
    )
    NEGATIVE_BOUND = (
        *("negative-bound", _ERROR, "minimumAllowed is not negative."),
        *("§4", "Write 0 where nothing needs to be chosen."),
    )
    NOTHING_TO_CHOOSE = (
        *(
            "nothing-to-choose",
            _WARNING,
            "A group lets something be chosen: maximumAllowed is not 0, itemIds not empty.",
        ),
        *("[D]", "Raise the maximum, add options, or leave the group out."),
    )
    TOO_FEW_OPTIONS = (
        *("too-few-options", _ERROR, "A group has as many options as must be chosen, unless an option may repeat."),
        *("§4", "Add options, lower minimumAllowed, or set enableDuplicateItems."),
    )
    DEFAULT_NOT_AN_OPTION = (
        *("default-not-an-option", _ERROR, "Every default is one of the group's own options."),
        *("§4", "Add it to the group's itemIds, or remove the default."),
    )
    DEFAULTS_OUT_OF_BOUNDS = (
        *("defaults-out-of-bounds", _ERROR, "The defaults' total quantity is no more than maximumAllowed."),
        *("§4", "Remove defaults or raise the maximum."),
    )
    DEFAULT_REPEATED = (
        *("default-repeated", _ERROR, "No default repeats an option, unless enableDuplicateItems allows it."),
        *("§4", "Set enableDuplicateItems, or name each default once with the quantity 1."),
    )

    # -- prices --------------------------------------------------------------------------------------------------------
    TIERS_WITHOUT_ZERO = (
        *("tiers-without-zero", _ERROR, "Tiers begin at the offset 0: else the first selection has no price."),
        *("§4", "Add a tier with the offset 0, or leave tiers out."),
    )
    TIER_REPEATED = (
        *(
            "tier-repeated",
            _ERROR,
            "No two tiers of a group have the same offset: the protocol does not say which holds.",
        ),
        *("§4 [D]", "Keep one of the two."),
    )
    TIERS_UNSORTED = (
        *("tiers-unsorted", _WARNING, "Tiers stand in the order of their offsets."),
        *("§4 [D]", "Sort them: readers that take the first or the last that fits would charge another price."),
    )
    TIER_NEVER_USED = (
        *("tier-never-used", _WARNING, "A tier's offset lies below maximumAllowed and is not negative."),
        *("§4", "Remove the tier, or raise the maximum."),
    )
    INEXACT_PRICE = (
        *("inexact-price", _ERROR, "Prices are whole cents."),
        *("protocol, head", "Round the price."),
    )
    NEGATIVE_PRICE = (
        *("negative-price", _ERROR, "What is sold on its own, and what is shown as a price, costs nothing or more."),
        *("[D]", "Give discounts as promotions of the order."),
    )
    NEGATIVE_OPTION_PRICE = (
        *("negative-option-price", _WARNING, "Options and tiers cost nothing or more."),
        *("[D]", "Lower the dish's own price and let the other options cost more."),
    )
    STARTING_AT_TOO_LOW = (
        *(
            "starting-at-too-low",
            _WARNING,
            "startingAt is a price that can be had: no less than the cheapest legal choice.",
        ),
        *("§4", "startingAt holds the base price and the cheapest required modifiers."),
    )

    # -- hours ---------------------------------------------------------------------------------------------------------
    WINDOW_OVER_MIDNIGHT = (
        *("window-over-midnight", _ERROR, "A window ends after it starts; 00:00:00 is the end of the day."),
        *("§4", "Write a window over midnight as two: up to 00:00:00, and from 00:00:00 of the next day."),
    )
    WINDOWS_OVERLAP = (
        *("windows-overlap", _WARNING, "The windows of one day do not overlap."),
        *("[D]", "Write them as one."),
    )
    NEVER_OPEN = (
        *("never-open", _WARNING, "Every catalog is open at some time; without windows it never is."),
        *("§4", "Add windows, for every day to be always open, or leave the catalog out."),
    )

    # -- what people see -----------------------------------------------------------------------------------------------
    BLANK_NAME = (
        *("blank-name", _WARNING, "Everything has a name."),
        *("§4 [D]", "Name it."),
    )
    IMAGE_NOT_HTTPS = (
        *("image-not-https", _WARNING, "An imageUrl begins with https:// and a host."),
        *("[D]", "Serve pictures over https: browsers and apps show no others."),
    )

    def at(self, path: str, message: str) -> Finding:
        """This rule, broken there."""
        return Finding(self, path, message)


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a menu breaks a rule.

    :ivar path: the JSON path (``$.items['x'].basePrice``).
    :ivar message: what is wrong there.
    """

    rule: CatalogRule
    path: str
    message: str

    @property
    def severity(self) -> Severity:
        """That of the rule."""
        return self.rule.severity

    @property
    def hint(self) -> str:
        """What to do."""
        return self.rule.hint

    def to_wire(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "severity": self.severity.value,
            "rule": self.rule.value,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def entity(table: str, key: str) -> str:
    """The JSON path of an entity: ``$.items['x']``."""
    return f"$.{table}['{_printable(key.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39)))}']"


def shown(text: str) -> str:
    """A text from outside as a message shows it: in quotes, on one line, and never endless."""
    return f"'{_printable(text if len(text) <= 80 else text[:79] + '…')}'"


def _printable(text: str) -> str:
    # A control character would end the line, or command the terminal.
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
