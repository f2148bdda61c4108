"""Rules of a CatalogSet: meaning, severity, and what to do about a violation (``gett-protocol.md §4``).

Violations are found in the raw bytes (:mod:`~webhook_kit.catalog.lenient_parse`), among the problems because of which a catalog
cannot be compiled (:mod:`~webhook_kit.catalog.integrity`), or by the further checks of :mod:`~webhook_kit.catalog.check`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

__all__ = ["CatalogRule", "Finding", "Severity", "entity_path", "printable", "quoted"]


class Severity(StrEnum):
    """Severity of a finding."""

    ERROR = "error"
    """Gett's ingestion would fail, or an item in the catalog could not be ordered or priced."""
    WARNING = "warning"
    """The catalog can be used, but probably not in the way that was intended."""


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


class CatalogRule(StrEnum):
    """Every rule, with a stable name.

    :ivar severity: severity of a violation.
    :ivar meaning: the requirement.
    :ivar source: section of the protocol; ``[D]`` marks our own decision.
    :ivar hint: what to do about a violation.
    """

    severity: Severity
    meaning: str
    source: str
    hint: str

    def __new__(cls, name: str, severity: Severity, meaning: str, source: str, hint: str) -> Self:
        """Create a member from the tuple of its name and the four attributes."""
        rule = str.__new__(cls, name)
        rule._value_ = name
        rule.severity, rule.meaning, rule.source, rule.hint = severity, meaning, source, hint
        return rule

    # -- the bytes -----------------------------------------------------------------------------------------------------
    TOO_LARGE = (
        *(
            "too-large",
            _ERROR,
            "The file is not larger than the limit (64 MB for the kit); a larger file is not parsed.",
        ),
        *(
            "[D]",
            "Remove data that a catalog does not need, above all pictures in the file; refer to them by imageUrl.",
        ),
    )
    NOT_JSON = (
        *("not-json", _ERROR, "The file is complete JSON in UTF-8 with finite numbers."),
        *("protocol, head", "Write it with a JSON library, and check that the transfer was complete."),
    )
    TOO_DEEP = (
        *("too-deep", _ERROR, "The JSON is not nested more than 200 levels deep."),
        *(
            "[D]",
            "The tables of a CatalogSet are flat: let entities refer to each other by id, not contain each other.",
        ),
    )
    TOO_MANY = (
        *(
            "too-many",
            _ERROR,
            "No table and no list has more entries than its bound; other rules are not applied then.",
        ),
        *("[D]", "Split the table or list, and remove what is not for sale."),
    )
    TOO_LONG = (
        *("too-long", _ERROR, "No id, name or description is longer than its bound; other rules are not applied then."),
        *("[D]", "Shorten the text."),
    )
    NOT_A_CATALOG = (
        *("not-a-catalog", _ERROR, "The document is a CatalogSet: an object with its tables."),
        *("§4", "Send the CatalogSet itself; webhook_kit.CatalogBuilder converts the exports of other systems."),
    )
    DUPLICATE_KEY = (
        *("duplicate-key", _ERROR, "No JSON object contains a key twice: a parser keeps only one of the values."),
        *("[D]", "Give each entity a unique id, and write each member once."),
    )
    WRONG_SHAPE = (
        *("wrong-shape", _ERROR, "Every required member is present, and every member has its type and format."),
        *("§4", "Write the member as the protocol defines it."),
    )
    CLOCK_FORMAT = (
        *("clock-format", _WARNING, "The times of a window have the format HH:mm:ss."),
        *("§4", "Write 07:00:00, not 7:00 or 07:00."),
    )

    MISSPELLED_MEMBER = (
        *("misspelled-member", _WARNING, "No unknown member has almost the name of one of the protocol's."),
        *("§4 [D]", "Correct the name: Gett ignores unknown members."),
    )
    FOREIGN_MEMBER = (
        *(
            "foreign-member",
            _WARNING,
            "No member of another system stands for something that the protocol says otherwise.",
        ),
        *("§4 [D]", "Say it as the protocol does, or remove it: Gett ignores unknown members."),
    )

    # -- references between entities -----------------------------------------------------------------------------------
    KEY_IS_NOT_ID = (
        *("key-is-not-id", _ERROR, "Every key of a table is the id of its entity."),
        *("§4", "Use the entity's id as its key."),
    )
    DANGLING_REFERENCE = (
        *("dangling-reference", _ERROR, "Every referenced id exists."),
        *("§2, §4", "Add the missing entity, or remove the reference."),
    )
    DUPLICATE_REFERENCE = (
        *("duplicate-reference", _WARNING, "No list contains an id twice."),
        *("[D]", "Remove the second reference: customers would see the entity twice, or not at all."),
    )
    SECTION_CYCLE = (
        *("section-cycle", _ERROR, "No section contains itself, neither directly nor through other sections."),
        *("§4", "Remove one of the references of the cycle."),
    )
    MODIFIER_CYCLE = (
        *("modifier-cycle", _ERROR, "No item is an option of itself, neither directly nor through other groups."),
        *("§4", "Remove one of the references of the cycle; if necessary, copy the option without its modifiers."),
    )
    MODIFIERS_TOO_DEEP = (
        *("modifiers-too-deep", _WARNING, "Modifiers have no more levels than an order that the kit accepts."),
        *("§3 [D]", "Move the innermost groups to an outer item."),
    )
    UNREACHABLE = (
        *("unreachable", _WARNING, "Every entity is in a catalog, directly or through sections, items and groups."),
        *("[D]", "Add a reference to it, or remove it: customers cannot see or order it."),
    )
    NOTHING_ON_SALE = (
        *(
            "nothing-on-sale",
            _ERROR,
            "At least one item is in a catalog: an empty CatalogSet would replace a good one.",
        ),
        *("§2 [D]", "Send the whole CatalogSet each time; to stop orders for a while, pause the store."),
    )

    # -- choices -------------------------------------------------------------------------------------------------------
    MINIMUM_ABOVE_MAXIMUM = (
        *("minimum-above-maximum", _ERROR, "A group's minimumAllowed is not greater than its maximumAllowed."),
        *("§4", "Lower the minimum or raise the maximum."),
    )
    NEGATIVE_BOUND = (
        *(
            "negative-bound",
            _ERROR,
            "minimumAllowed and maximumAllowed are not negative: the protocol has no sign for no limit.",
        ),
        *(
            "§4",
            "Write 0 for no minimum; for no maximum the number of options, or with enableDuplicateItems a number that nobody reaches, such as 99.",
        ),
    )
    NOTHING_TO_CHOOSE = (
        *("nothing-to-choose", _WARNING, "A group offers a choice: maximumAllowed is not 0, and itemIds is not empty."),
        *("[D]", "Raise the maximum, add options, or remove the group."),
    )
    TOO_FEW_OPTIONS = (
        *(
            "too-few-options",
            _ERROR,
            "A group has at least minimumAllowed options, unless an option may be chosen repeatedly.",
        ),
        *("§4", "Add options, lower minimumAllowed, or set enableDuplicateItems."),
    )
    DEFAULT_NOT_AN_OPTION = (
        *("default-not-an-option", _ERROR, "Every default is an option of the same group."),
        *("§4", "Add it to the group's itemIds, or remove the default."),
    )
    DEFAULTS_OUT_OF_BOUNDS = (
        *("defaults-out-of-bounds", _ERROR, "The total quantity of the defaults is not greater than maximumAllowed."),
        *("§4", "Remove defaults or raise the maximum."),
    )
    DEFAULT_REPEATED = (
        *("default-repeated", _ERROR, "No option is a default twice, unless enableDuplicateItems is set."),
        *("§4", "Set enableDuplicateItems, or list each default once with the quantity 1."),
    )

    # -- prices --------------------------------------------------------------------------------------------------------
    TIERS_WITHOUT_ZERO = (
        *("tiers-without-zero", _ERROR, "The first tier has the offset 0; else the first selection has no price."),
        *("§4", "Add a tier with the offset 0, or remove tiers."),
    )
    TIER_REPEATED = (
        *(
            "tier-repeated",
            _ERROR,
            "No two tiers of a group have the same offset: the protocol does not define which one is valid.",
        ),
        *("§4 [D]", "Keep one of the two."),
    )
    TIERS_UNSORTED = (
        *("tiers-unsorted", _WARNING, "The tiers are in the order of their offsets."),
        *("§4 [D]", "Sort them: software that uses the first or the last matching tier would charge another price."),
    )
    TIER_NEVER_USED = (
        *("tier-never-used", _WARNING, "The offset of a tier is less than maximumAllowed and not negative."),
        *("§4", "Remove the tier, or raise the maximum."),
    )
    INEXACT_PRICE = (
        *("inexact-price", _ERROR, "Prices are whole cents; the kit does not round a price between two cents."),
        *("protocol, head", "Round the price in the POS or the adapter, by the rule that the restaurant uses."),
    )
    ROUNDED_PRICE = (
        *(
            "rounded-price",
            _WARNING,
            "Prices have no noise of binary floating point: one that is less than 0.0001 from a whole cent is read as this cent.",
        ),
        *("protocol, head [D]", "Write prices from decimal numbers, with at most two decimals."),
    )
    PRICE_IN_CENTS = (
        *(
            "price-in-cents",
            _WARNING,
            "No price looks like cents: a whole number of at least 1,000, or of at least 100 where others are much lower or all are like that.",
        ),
        *("protocol, head [D]", "Write prices in major units: 15.25 is $15.25. A price that is right may stay."),
    )
    NEGATIVE_PRICE = (
        *("negative-price", _ERROR, "Prices of items in a section, startingAt and compareAt are not negative."),
        *("[D]", "Give discounts as promotions of the order."),
    )
    NEGATIVE_OPTION_PRICE = (
        *("negative-option-price", _WARNING, "Prices of options and tiers are not negative."),
        *("[D]", "Lower the price of the item itself and raise those of the other options."),
    )
    STARTING_AT_TOO_LOW = (
        *(
            "starting-at-too-low",
            _WARNING,
            "startingAt is not lower than the price of the item with its cheapest legal modifiers.",
        ),
        *("§4", "Set startingAt to the base price plus the cheapest required modifiers."),
    )

    # -- hours ---------------------------------------------------------------------------------------------------------
    WINDOW_OVER_MIDNIGHT = (
        *("window-over-midnight", _ERROR, "A window does not end on the next day; 00:00:00 is the end of the day."),
        *("§4", "Write a window over midnight as two: until 00:00:00, and from 00:00:00 of the next day."),
    )
    EMPTY_WINDOW = (
        *("empty-window", _ERROR, "A window does not start and end at the same time, but for 00:00:00, the whole day."),
        *("§4", "Write 00:00:00 to 00:00:00 if it is open all day, else remove the window."),
    )
    ENDS_BEFORE_MIDNIGHT = (
        *("ends-before-midnight", _WARNING, "No window ends in the last minute of the day."),
        *("§4", "Write 00:00:00: it is the end of the day."),
    )
    WINDOWS_OVERLAP = (
        *("windows-overlap", _WARNING, "The windows of a day do not overlap."),
        *("[D]", "Combine them into one window."),
    )
    NEVER_OPEN = (
        *("never-open", _WARNING, "Every catalog is open at some time; a catalog without windows is never open."),
        *("§4", "Add windows (one for each whole day if it is always open), or remove the catalog."),
    )

    # -- display -------------------------------------------------------------------------------------------------------
    BLANK_NAME = (
        *("blank-name", _WARNING, "Every entity has a name."),
        *("§4 [D]", "Add a name."),
    )
    EQUAL_NAMES = (
        *("equal-names", _WARNING, "No two entities that are shown side by side have the same name."),
        *("[D]", "Give them different names, or remove one of them: customers cannot tell them apart."),
    )
    MARKUP_IN_TEXT = (
        *("markup-in-text", _WARNING, "Names and descriptions are plain text, without HTML tags and entities."),
        *("[D]", "Remove the markup; webhook_kit.CatalogBuilder does so."),
    )
    CONTROL_CHARACTER = (
        *(
            "control-character",
            _WARNING,
            "Names and descriptions have no control characters, neither invisible nor bidirectional ones, and no U+FFFD.",
        ),
        *("[D]", "Remove the character; U+FFFD stands where text was decoded wrongly."),
    )
    IMAGE_NOT_HTTPS = (
        *("image-not-https", _WARNING, "An imageUrl begins with https:// and a host."),
        *("[D]", "Serve pictures over https: browsers and apps do not show others."),
    )

    def at(self, path: str, message: str) -> Finding:
        """Return a finding: a violation of this rule at a JSON path."""
        return Finding(self, path, message)


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of a rule.

    :ivar path: the JSON path (``$.items['x'].basePrice``).
    :ivar message: what is wrong at this path.
    """

    rule: CatalogRule
    path: str
    message: str

    @property
    def severity(self) -> Severity:
        """Severity of the rule."""
        return self.rule.severity

    @property
    def hint(self) -> str:
        """Hint of the rule: what to do about the violation."""
        return self.rule.hint

    def to_wire(self) -> dict[str, Any]:
        """Return the finding as JSON data."""
        return {
            "severity": self.severity.value,
            "rule": self.rule.value,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def entity_path(table: str, key: str) -> str:
    """Return the JSON path of an entity: ``$.items['x']``."""
    key = (
        key if len(key) <= 255 else key[:255] + "…"
    )  # else a long id, in the paths of many findings, would fill the memory
    return f"$.{table}['{printable(key.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39)))}']"


def quoted(text: str) -> str:
    """Quote untrusted text for a message: on one line and at most 80 characters."""
    return f"'{printable(text if len(text) <= 80 else text[:79] + '…')}'"


def printable(text: str) -> str:
    """Escape what would end the line or control the terminal, in untrusted text."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
