"""Numbers as a person reads them. What is undefined never passes through here as a number."""

from __future__ import annotations

import math

from rook_bench.core import Estimate

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number(value: float, decimals: int = 2, *, signed: bool = False) -> str:
    """Thousands separated; a value too small for `decimals` keeps two significant digits instead of showing as 0."""
    if value != 0 and abs(value) < 0.5 * 10.0**-decimals:
        decimals = 1 - math.floor(math.log10(abs(value)))
    text = f"{abs(value):,.{decimals}f}" if decimals <= 8 else f"{abs(value):.1e}"
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    return sign + text


def percent(fraction: float, decimals: int = 2, *, signed: bool = False) -> str:
    """A fraction in percent; a share just short of the whole is not shown as 100%."""
    while decimals < 6 and abs(fraction) < 1 and f"{abs(fraction) * 100:.{decimals}f}" == f"{100:.{decimals}f}":
        decimals += 1
    return number(fraction * 100, decimals, signed=signed) + "%"


def points(fraction: float) -> str:
    """A difference of two percentages, without its sign and its unit ("percentage points")."""
    return number(abs(fraction) * 100)


def duration(seconds: float) -> str:
    """Seconds in the two largest units that fit: "45 s", "12 min", "2 h 58 min", "3 d 4 h"."""
    if seconds < 60:
        return number(seconds, 0 if float(seconds).is_integer() else 1) + NBSP + "s"
    minutes = round(seconds / 60)
    if minutes < 60:
        rest = round(seconds) % 60
        return f"{round(seconds) // 60}{NBSP}min" + (f" {rest}{NBSP}s" if rest and seconds < 600 else "")
    if minutes < 24 * 60:
        return f"{minutes // 60}{NBSP}h" + (f" {minutes % 60}{NBSP}min" if minutes % 60 else "")
    hours = round(seconds / 3600)
    return f"{hours // 24:,}{NBSP}d" + (f" {hours % 24}{NBSP}h" if hours % 24 else "")


def quantity(value: float, unit: str, quote: str, *, signed: bool = False) -> str:
    """A metric's value in its unit; `quote` is the symbol of the quote token."""
    if unit == "fraction":
        return percent(value, signed=signed)
    if unit == "numeraire":
        return number(value, signed=signed)
    if unit == "quote":
        return number(value, signed=signed) + NBSP + quote
    if unit == "s":
        return MINUS * (value < 0) + duration(abs(value))
    if unit == "count":
        return number(value, 0 if float(value).is_integer() else 2, signed=signed)
    if unit == "ratio":
        return number(value, signed=signed)
    decimals = {"bps": 1, "per day": 1}.get(unit, 2)
    return number(value, decimals, signed=signed) + (NBSP + unit if unit else "")


def count_of(amount: int, noun: str, plural: str | None = None) -> str:
    """ "1 fill", "12 fills"."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def bounded(one: Estimate, decimals: int, *, signed: bool = False) -> str:
    """ "+12.3 (+1.0 to +23.6)": a value with its interval where it has one; "undefined" and why."""
    if one.value is None:
        return f"undefined: {one.undefined_because}"
    form = f"{'+' if signed else ''}.{decimals}f"
    bounds = "" if one.low is None or one.high is None else f" ({one.low:{form}} to {one.high:{form}})"
    return f"{one.value:{form}}{bounds}"


def span_in_words(seconds: float) -> str:
    """For example "about eight hours long (7.9 h)"."""
    hours = seconds / 3600
    if hours < 1:
        return f"{duration(seconds)} long"
    whole, unit = (round(hours), "hour") if round(hours) < 24 else (round(hours / 24), "day")
    exact = f"{hours:.1f}{NBSP}h" if hours < 48 else f"{hours / 24:.1f}{NBSP}d"
    word = _WORDS[whole] if whole < len(_WORDS) else f"{whole:,}"
    return f"about {word} {unit if whole == 1 else unit + 's'} long ({exact})"


def span_judgement(seconds: float) -> str:
    """What a tape of this length can and can't tell."""
    days = seconds / 86_400
    if days < 1:
        return "that is far too short to tell skill from luck"
    if days < 30:
        return "that is too short to tell skill from luck unless the difference is very large"
    return "how sure one can be depends on the intervals and on how varied that period was, not on its length alone"
