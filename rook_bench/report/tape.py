"""The tape check in plain words, and which of its facts are a warning."""

from __future__ import annotations

from dataclasses import dataclass

from rook_bench.report.formatting import count_of, duration, number, percent
from rook_bench.report.words import listed
from rook_bench.tapecheck.check import TapeCheck
from rook_bench.tapecheck.fees import EXACT_TOLERANCE
from rook_bench.tapecheck.summary import describe_map, sentence

CHAINED_ENOUGH = 0.95
"""Below this share of chaining pairs the log is not the pool's whole history."""


@dataclass(frozen=True)
class Fact:
    """One line of the tape check; `level` is "ok", "warn" or "unknown"."""

    name: str
    text: str
    level: str = "ok"


def tape_facts(check: TapeCheck) -> list[Fact]:
    """Every fact of the check in plain words, warnings and unknowns included."""
    facts = [
        *_repricing(check),
        _chaining(check),
        _fee(check),
        *_rounded(check),
        *_order(check),
        _dust(check),
        *_gaps(check),
    ]
    if check.zero_liquidity:
        facts.append(Fact("No liquidity", f"{count_of(check.zero_liquidity, 'row')} without active liquidity.", "warn"))
    return facts


def is_warning(facts: list[Fact]) -> bool:
    """Whether the reader should be told before any result."""
    return any(fact.level != "ok" for fact in facts)


def notes(check: TapeCheck) -> list[str]:
    """What the importer did."""
    return [_capital(note) for note in check.notes]


def _unknown(check: TapeCheck, key: str, name: str, otherwise: str = "the log does not say") -> Fact:
    return Fact(name, f"Not known: {check.unknown.get(key, otherwise)}.", "unknown")


def _repricing(check: TapeCheck) -> list[Fact]:
    found = check.repricing
    if found is None:
        return [_unknown(check, "repricing", "Re-pricing")]
    facts = [Fact("Re-pricing", sentence(found), "ok" if found.exact == found.testable > 0 else "warn")]
    if found.first_break is not None:
        first = found.first_break
        reasons = "; ".join(f"{count:,} because {reason}" for reason, count in found.misses.items())
        off = f"The output is off by {number(found.error_units[-1], 0)} units at most."
        where = "" if first["block"] is None else f", block {first['block']}"
        text = f"First at swap {first['swap']:,}{where}: {first['reason']}. In all {reasons}. {off}"
        facts.append(Fact("Where it breaks", text, "warn"))
    facts.append(
        Fact("Ticks", _capital(describe_map(found)) + ".", "warn" if found.tick_map == "contradicted" else "ok")
    )
    return facts


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _chaining(check: TapeCheck) -> Fact:
    if check.chained_share is None:
        return _unknown(check, "chained_share", "Chaining")
    text = (
        f"{percent(check.chained_share, 1)} of {count_of(check.pairs or 0, 'testable pair')} of consecutive swaps "
        f"follow from each other within {_tolerance(check)}."
    )
    if check.chained_share < CHAINED_ENOUGH:
        return Fact(
            "Chaining", text + " The log is not the pool's whole history, or its columns are not exact.", "warn"
        )
    return Fact("Chaining", text)


def _tolerance(check: TapeCheck) -> str:
    tolerance = check.tolerance or 0.0
    return "the last unit" if tolerance <= EXACT_TOLERANCE else f"{percent(tolerance, 1)} (the columns are rounded)"


def _fee(check: TapeCheck) -> Fact:
    if check.implied_fee is None:
        return _unknown(check, "implied_fee", "Fee")
    implied, stated = percent(check.implied_fee, 3), percent(check.stated_fee, 3)
    span = ""
    if check.implied_fee_low is not None and check.implied_fee_high is not None:
        span = f" ({percent(check.implied_fee_low, 3)} to {percent(check.implied_fee_high, 3)} on 98% of the pairs)"
    if check.fee_finding == "another":
        pays = "The recorded fee is paid all the same." if check.fee_recorded else "A replay pays what they imply."
        return Fact("Fee", f"The stated fee of {stated} is wrong: the amounts imply {implied}. {pays}", "warn")
    if check.fee_finding == "varies":
        pays = "the recorded fee" if check.fee_recorded else "what the swap before paid"
        text = f"The fee varies: {implied} in the middle{span}; stated is {stated}. A replay pays {pays}."
        return Fact("Fee", text, "warn")
    if check.fee_finding == "recorded":
        return Fact("Fee", f"Each swap's fee is recorded, and its amounts agree: {implied} in the middle{span}.")
    text = f"The amounts imply a fee of {implied}; the pool's own is {stated}."
    if check.fee_finding == "unknown":
        return Fact("Fee", f"{text} Too few pairs tell it to hold that against each other.")
    return Fact("Fee", text)


def _rounded(check: TapeCheck) -> list[Fact]:
    if not check.rounded:
        return [Fact("Exactness", "The columns that the pool maths needs are exact.")]
    return [Fact("Rounded column", f"{name}: {why}.", "warn") for name, why in check.rounded.items()]


def _order(check: TapeCheck) -> list[Fact]:
    count = check.duplicates
    duplicates = f"Rows that repeat the row before: {count:,}." if count else "No row repeats the one before."
    facts = [Fact("Duplicates", duplicates, "warn" if check.duplicates else "ok")]
    if check.reordered is None:
        facts.append(_unknown(check, "reordered", "Order"))
    elif check.reordered:
        text = (
            f"Swaps that chain to another swap of their second than the one before: {check.reordered:,}. "
            "There the order of the rows is not that of the chain."
        )
        facts.append(Fact("Order", text, "warn"))
    else:
        facts.append(Fact("Order", "No swap chains to another one than the swap before."))
    shared = f"Swaps in the second of the swap before: {check.same_time:,}"
    block = "" if check.same_block is None else f"; in its block: {check.same_block:,}"
    facts.append(Fact("Same time", f"{shared}{block}."))
    if check.same_block is None:
        facts.append(_unknown(check, "same_block", "Blocks"))
    return facts


def _dust(check: TapeCheck) -> Fact:
    if not check.dust_opening:
        return Fact("Opening", "The tape does not open on dust liquidity.")
    move = (
        f", where single swaps moved the price by up to {percent(check.dust_largest_move, 1)}"
        if check.dust_largest_move
        else ""
    )
    return Fact("Opening", f"The first {count_of(check.dust_opening, 'swap')} met dust liquidity{move}.", "warn")


def _gaps(check: TapeCheck) -> list[Fact]:
    if check.median_gap_s is None or check.longest_gap_s is None or check.gaps is None:
        return [_unknown(check, "gaps", "Gaps")]
    text = f"{duration(check.median_gap_s)} between swaps in the median, {duration(check.longest_gap_s)} at most"
    if not check.holes:
        return [Fact("Gaps", f"{text}; no gap stands out.")]
    share = percent(sum(hole["share"] for hole in check.holes), 0)
    longest = max(check.holes, key=lambda hole: hole["hours"])
    first, last = (longest[end][:16].replace("T", " ") for end in ("from", "to"))
    text = (
        f"The tape is missing {count_of(len(check.holes), 'stretch', 'stretches')}, {share} of its span. The longest "
        f"runs from {first} to {last} UTC. They count in no day, no return and no feature reaches across, and the "
        "lines of the charts break there."
    )
    return [Fact("Holes", text, "warn")]


def summary(check: TapeCheck, facts: list[Fact]) -> str:
    """One sentence for the top of the section."""
    warned = sum(fact.level == "warn" for fact in facts)
    unknown = sum(fact.level == "unknown" for fact in facts)
    if not warned and not unknown:
        return f"All {number(len(facts), 0)} checks of the log's own numbers hold."
    found = [
        text
        for text in (
            f"{count_of(warned, 'warning')}" if warned else "",
            f"{count_of(unknown, 'fact')} the log can't tell" if unknown else "",
        )
        if text
    ]
    return f"The tape check has {listed(found)}. What follows can't be surer than the tape it was measured on."
