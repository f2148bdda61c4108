"""Prices as other systems and people write them: integer cents, "$8.00", "1,50", binary floating point."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation

from webhook_kit.errors import InvalidArgument
from webhook_kit.gett.models.money import CENT, without_noise

__all__ = ["parse_price"]

_CURRENCY = r"(?:[^\d\s.,'’()+-]{1,4}(?:(?<=[^\W\d_])\.)?)?"  # a period belongs to letters: "Rs. 8", and "$.50" is 0.50
_TEXT = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<before>{_CURRENCY})\s*(?P<sign2>[+-]?)(?P<number>[.,]?[0-9][0-9.,'’\s]*)(?:(?<=[.,])-)?\s*(?P<after>{_CURRENCY})"
)
_MINOR_UNITS = frozenset({"¢", "c", "ct", "cts", "cent", "p", "pf"})
_GROUPED = re.compile(r"\d{1,3}([.,' ]\d{3})*")
_LONGEST = 40
_LIMIT = Decimal(10) ** 12


def parse_price(
    value: object, *, cents: bool = False, rounding: str | None = None, decimal_separator: str | None = None
) -> Decimal:
    """Return a price in major units, exact to the cent.

    * An ``int``, ``float`` or ``Decimal`` is in major units, or in cents when ``cents`` is set.
    * A text may have a currency sign or code and separators ("$1,250.00", "1.250,50 €"). One separator before one or two last digits
      is that of the decimals. Before three digits it is ambiguous ("1,250") and refused, unless ``decimal_separator`` is given. A text
      with a currency or with decimals is always in major units.
    * A difference of less than 0.0001 from a whole cent is noise of binary floating point and is removed.
    * Any other fraction of a cent is rounded by ``rounding``, and refused without it.

    :param rounding: a rounding mode of :mod:`decimal`, such as ``ROUND_HALF_UP``.
    :param decimal_separator: "." or ",".
    :raises InvalidArgument: it is not a price, or it is ambiguous.
    """
    if isinstance(value, str):
        amount, in_cents = _from_text(value, decimal_separator)
        in_cents = in_cents and cents
    else:
        amount, in_cents = _from_number(value), cents
    if not amount.is_finite() or abs(amount) >= _LIMIT:
        raise InvalidArgument(f"{_shown(value)} is not a price")
    amount = without_noise(amount.scaleb(-2) if in_cents else amount)
    exact = amount.quantize(CENT, rounding=rounding)
    if exact != amount and rounding is None:
        raise InvalidArgument(f"{_shown(value)} is between two cents; round it, or choose a rounding for the builder")
    return exact


def _from_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InvalidArgument(f"{_shown(value)} is not a price")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _from_text(text: str, decimal_separator: str | None) -> tuple[Decimal, bool]:
    """Return the number in a text, and True if nothing in it says that it is in major units."""
    written = text.strip()
    if (
        len(written) > 4 * _LONGEST
    ):  # composed it would be too long as well, and Python may take quadratic time for that
        raise InvalidArgument(f"{_shown(text)} is not a price")
    normal = unicodedata.normalize("NFKC", written).replace("−", "-").replace("–", "-").strip()
    match = _TEXT.fullmatch(normal) if len(normal) <= _LONGEST else None
    if match is None or not (_is_currency(match["before"]) and _is_currency(match["after"])) or _has_footnote(text):
        raise InvalidArgument(f"{_shown(text)} is not a price")
    number = re.sub(r"\s", " ", match["number"].replace("’", "'").strip())
    whole, separator, decimals = _split(number, text, decimal_separator)
    try:
        amount = Decimal(f"{re.sub(r'[^0-9]', '', whole) or 0}.{decimals or 0}")
    except InvalidOperation:
        raise InvalidArgument(f"{_shown(text)} is not a price") from None
    is_plain = not (separator or match["before"] or match["after"])
    return (-amount if "-" in match["sign"] + match["sign2"] else amount), is_plain


def _is_currency(text: str) -> bool:
    """Return True for nothing, and for letters and currency signs that do not mean a hundredth."""
    name = text.removesuffix(".").lower()
    return name not in _MINOR_UNITS and all(one.isalpha() or unicodedata.category(one) == "Sc" for one in name)


def _has_footnote(text: str) -> bool:
    """Return True if a text has raised digits or fractions, which are no digits of the price ("8.5²")."""
    return any(unicodedata.category(one) == "No" for one in text)


def _split(number: str, text: str, decimal_separator: str | None) -> tuple[str, str, str]:
    """Split a number into its whole part, the decimal separator and the decimals."""
    separator = decimal_separator or _decimal_separator(number, text)
    whole, found, decimals = number.rpartition(separator) if separator and separator in number else (number, "", "")
    marks = set(whole) - set("0123456789")  # between thousands
    if marks and (len(marks) > 1 or separator in marks or not _GROUPED.fullmatch(whole)):
        raise InvalidArgument(f"{_shown(text)} is not a price")
    if not (whole or decimals) or not (decimals.isdecimal() or decimals == ""):
        raise InvalidArgument(f"{_shown(text)} is not a price")
    return whole, found, decimals


def _decimal_separator(number: str, text: str) -> str:
    last = max(number.rfind("."), number.rfind(","))
    if last < 0:
        return ""
    separator = number[last]
    other = "," if separator == "." else "."
    if other in number:  # the last of two kinds
        return separator
    if number.count(separator) > 1:  # groups of thousands
        return ""
    if len(number) - last - 1 == 3 and len(number[:last]) <= 3 and number[:last] != "0":
        raise InvalidArgument(f"{_shown(text)} is ambiguous: choose a decimal_separator for the builder, '.' or ','")
    return separator


def _shown(value: object) -> str:
    return repr(value)[:_LONGEST]
