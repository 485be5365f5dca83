"""Whether there is enough tape and trading to tell, and whether the tape can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from rook_bench.gates.check import Check
from rook_bench.gates.policy import Evidence
from rook_bench.metrics import Analysis


def evidence(needs: Evidence, candidate: Analysis) -> Iterator[Check]:
    """Length of tape, fills, and how much of the tape chains and re-prices."""
    run = candidate.run
    days, fills = run.frame.covered_s / 86_400, int(run.orders.filled.sum())
    yield _enough("length of tape", days, needs.min_days, "days")
    yield _enough("number of fills", fills, needs.min_fills, "fills")
    tape = run.tape_check
    if needs.min_chained_share > 0:
        unknown = tape.unknown.get("chained_share", "unknown")
        yield _share("tape quality", tape.chained_share, needs.min_chained_share, "of the pairs chain", unknown)
    if needs.min_repriced_share > 0:
        priced = tape.repricing
        share = None if priced is None or not priced.testable else priced.exact / priced.testable
        unknown = tape.unknown.get("repricing", "no swap can be priced again")
        yield _share("tape re-prices", share, needs.min_repriced_share, "of the swaps come out exactly", unknown)


def _enough(name: str, have: float, need: float, unit: str) -> Check:
    shown = f"{have:,.0f}" if have >= 100 or have == int(have) else f"{have:.3g}"
    detail = f"{shown} {unit}, {need:g} asked"
    return Check(name, "pass" if have >= need else "inconclusive", detail, bound=f"at least {need:g} {unit}")


def _share(name: str, share: float | None, least: float, what: str, unknown: str) -> Check:
    bound = f"at least {least:.1%}"
    if share is None:
        return Check(name, "inconclusive", f"how much {what} is unknown: {unknown}", bound=bound)
    return Check(name, "pass" if share >= least else "inconclusive", f"{share:.1%} {what}", bound=bound)
