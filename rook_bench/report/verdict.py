"""The gate's verdict as the page shows it, and which sources it was about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of

MEANINGS = {
    "PROMOTE": "Every check of the policy holds.",
    "BLOCK": "At least one check of the policy fails.",
    "INCONCLUSIVE": "The evidence does not suffice to decide.",
    "INVALID": "The input or a run can't be judged.",
}
SIDES = ("candidate", "champion")
HELD = ("pass", "info")
"""Statuses of checks that nobody need act on."""


@dataclass(frozen=True)
class VerdictBox:
    """What stands in the box at the top.

    Attributes:
        word, style, meaning: the verdict, how it is coloured, and what it means; an unknown word is shown in grey.
        about: candidate, champion, policy and tape with their names, as far as the verdict tells.
        reasons, checks: of the verdict; a check has a name, a status and a detail.
    """

    word: str
    style: str
    meaning: str
    about: Sequence[tuple[str, str]]
    reasons: Sequence[str]
    checks: Sequence[Mapping[str, str]]

    @property
    def open_checks(self) -> list[Mapping[str, str]]:
        """Checks that keep the candidate from being promoted, and those that were waived."""
        return [check for check in self.checks if check["status"] not in HELD]

    @property
    def other_reasons(self) -> list[str]:
        """Reasons that are not those of a check that is shown."""
        told = {f"{check['name']}: {check['detail']}" for check in self.open_checks}
        return [reason for reason in self.reasons if reason not in told]

    @property
    def held_checks(self) -> list[Mapping[str, str]]:
        """The others."""
        return [check for check in self.checks if check["status"] in HELD]


def verdict_box(verdict: Mapping[str, Any], entries: Sequence[Entry]) -> VerdictBox:
    """The box of a verdict.json; its sources go by the names that the report has for them."""
    word = str(verdict.get("verdict", "INVALID"))
    named = [(side, _name(verdict[side], entries)) for side in SIDES if side in verdict]
    named += [("policy", _policy(verdict["policy"]))] if verdict.get("policy") else []
    named += [("tape", _tape(verdict["tape"]))] if verdict.get("tape") else []
    return VerdictBox(
        word=word,
        style=word.lower() if word in MEANINGS else "invalid",
        meaning=_over_pools(verdict) or MEANINGS.get(word, ""),
        about=named,
        reasons=[str(reason) for reason in verdict.get("reasons", [])],
        checks=[
            {key: str(check.get(key, "")) for key in ("name", "status", "detail")}
            for check in verdict.get("checks", [])
        ],
    )


def _over_pools(verdict: Mapping[str, Any]) -> str:
    """What a verdict over several pools means where it promotes for some of them."""
    names, pools = verdict.get("promoted_for") or (), verdict.get("pools") or ()
    if not names or len(names) == len(pools):
        return ""
    return f"For {', '.join(map(str, names))} every check of the policy holds; elsewhere the champion stays."


def roles_of(verdict: Mapping[str, Any] | None, entries: Sequence[Entry]) -> dict[str, list[str]]:
    """ "candidate" and "champion" by the label of the source that the verdict means."""
    roles: dict[str, list[str]] = {}
    for side in SIDES:
        entry = None if verdict is None else _entry(verdict.get(side), entries)
        if entry is not None:
            roles.setdefault(entry.label, []).append(side)
    return roles


def arranged(entries: Sequence[Entry], verdict: Mapping[str, Any] | None) -> list[Entry]:
    """The one in question first, beside it the champion and holding, then rivals, and last what nobody can reach."""
    champion = None if verdict is None else _entry(verdict.get("champion"), entries)
    return sorted(entries, key=lambda entry: (not entry.first, entry is not champion, not entry.holds, entry.bound))


def _entry(side: Mapping[str, Any] | None, entries: Sequence[Entry]) -> Entry | None:
    """The run that a side of the verdict means; after a change of the code, the same source with the same answers."""
    if side is None:
        return None
    same_run = [entry for entry in entries if entry.run.run_hash == side.get("run_hash")]
    same_answers = [
        entry
        for entry in entries
        if (entry.run.source.reference, entry.run.decided.tape.content_hash)
        == (side.get("source"), side.get("decisions_hash"))
    ]
    return next(iter([*same_run, *same_answers]), None)


def _name(side: Mapping[str, Any] | None, entries: Sequence[Entry]) -> str:
    if side is None:
        return "none"
    entry = _entry(side, entries)
    return str(side.get("name") or side.get("source")) if entry is None else entry.label


def _policy(policy: Any) -> str:
    """The policy's name, with its hash where the verdict carries one."""
    if not isinstance(policy, dict):
        return str(policy)
    name, digest = policy.get("name") or "unnamed", policy.get("hash")
    return f"{name} (hash {digest[:12]})" if isinstance(digest, str) else str(name)


def _tape(tape: Mapping[str, Any]) -> str:
    """What it holds; its hash stands under provenance."""
    swaps = tape.get("swaps")
    said = [str(tape["pair"])] if "pair" in tape else []
    said += [count_of(swaps, "swap")] if isinstance(swaps, int) else []
    return ", ".join(said) or "unnamed"
