"""A verdict over several pools: an ordinary one for each, one question about their purse, and for which it promotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from rook_bench.core.hashing import sealed, sha256_code, sha256_json
from rook_bench.gates.check import Check
from rook_bench.gates.formats.schema import SCHEMA_VERSION
from rook_bench.gates.policy import Policy
from rook_bench.gates.verdict import VERDICTS, Verdict, policy_hash

EXIT = dict(VERDICTS.values())

SAME = ("source", "name", "source_hash", "adapter_hash", "base_hash", "prompt_hash")
"""What a source is on every pool; the rest says what it did on one."""


@dataclass(frozen=True)
class PoolsVerdict:
    """What a gate says of a candidate on several pools.

    Attributes:
        policy, judged_at: as of a Verdict.
        pools: what each pool is called, in the order named.
        verdicts: of each.
        purse: questions about one purse over the pools of `over`; they decide where two pools or more would be
            promoted for.
        over: places of those pools: those that would be promoted for, where they are two or more; else all.
        purses: hashes of the candidate's and the champion's purse.
    """

    policy: Policy
    judged_at: datetime
    pools: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    purse: tuple[Check, ...]
    over: tuple[int, ...]
    purses: tuple[str, ...]

    @property
    def wanted(self) -> tuple[int, ...]:
        """Places of the pools on which the candidate may follow the champion by that pool's own verdict."""
        return promoted(self.verdicts)

    @property
    def verdict(self) -> str:
        """INVALID where any pool is; PROMOTE where some pool's verdict and the purse's questions say so."""
        said = [one.verdict for one in self.verdicts]
        if "INVALID" in said:
            return "INVALID"
        if not self.wanted:
            return "BLOCK" if set(said) == {"BLOCK"} else "INCONCLUSIVE"
        if len(self.wanted) == 1:
            return "PROMOTE"
        worst = next((status for status in VERDICTS if any(check.status == status for check in self.purse)), "pass")
        return VERDICTS[worst][0]

    @property
    def exit_code(self) -> int:
        """0 promote, 1 block, 2 inconclusive, 3 invalid."""
        return EXIT[self.verdict]

    @property
    def promoted_for(self) -> tuple[int, ...]:
        """Places of the pools that the candidate may be promoted for; none unless the verdict is PROMOTE."""
        return self.wanted if self.verdict == "PROMOTE" else ()

    @property
    def reasons(self) -> list[str]:
        """What decided: for which pools and why not for the others, or what the purse lacks."""
        own = [f"{name}: {one.verdict} ({one.reasons[0]})" for name, one in zip(self.pools, self.verdicts, strict=True)]
        if self.verdict == "PROMOTE":
            names = ", ".join(self.pools[place] for place in self.wanted)
            stays = [text for place, text in enumerate(own) if place not in self.wanted]
            return [f"promoted for {names}", *(f"the champion stays on {text}" for text in stays)]
        deciding = next(status for status, (name, _) in VERDICTS.items() if name == self.verdict)
        if self.wanted and self.verdict != "INVALID":
            asked = [check for check in self.purse if check.status == deciding]
            return [f"one purse: {check.name}: {check.text}" for check in asked]
        return [text for text, one in zip(own, self.verdicts, strict=True) if one.verdict == self.verdict]

    @property
    def checks(self) -> list[Check]:
        """Every check under its pool's name, then the purse's.

        Where the candidate is promoted for other pools, what keeps it from one decides nothing: the champion stays.
        """
        found = []
        for place, (name, one) in enumerate(zip(self.pools, self.verdicts, strict=True)):
            for check in one.checks:
                called = replace(check, name=f"{name}: {check.name}")
                if self.promoted_for and place not in self.promoted_for and check.status in ("fail", "inconclusive"):
                    called = replace(called, status="skipped", detail=f"not promoted here: {check.detail}")
                found.append(called)
        decides = len(self.wanted) > 1
        for check in self.purse:
            status = check.status if decides or check.status == "invalid" else "info"
            found.append(replace(check, name=f"one purse: {check.name}", status=status))
        return found

    def to_json(self, folders: Sequence[str]) -> dict[str, Any]:
        """The shape of verdict.json, that of one pool's with `pools`, `promoted_for` and `purse` beside.

        Args:
            folders: where each pool's own verdict lies.
        """
        records = [one.to_json() for one in self.verdicts]
        tapes = [one["tape"] for one in records]
        chained = [tape["chained_share"] for tape in tapes if tape["chained_share"] is not None]
        return sealed(
            {
                "schema_version": SCHEMA_VERSION,
                "verdict": self.verdict,
                "exit_code": self.exit_code,
                "reasons": self.reasons,
                "judged_at": self.judged_at.isoformat(timespec="seconds"),
                "checks": [check.to_json() for check in self.checks],
                "candidate": _together([one.candidate for one in self.verdicts], self.purses[0]),
                "champion": _together([one.champion for one in self.verdicts], self.purses[-1]),
                "tape": {
                    "data_hash": sha256_json([tape["data_hash"] for tape in tapes]),
                    "pool": ", ".join(tape["pool"] for tape in tapes),
                    "pair": ", ".join(self.pools),
                    "swaps": sum(tape["swaps"] for tape in tapes),
                    "first_at": min(tape["first_at"] for tape in tapes),
                    "last_at": max(tape["last_at"] for tape in tapes),
                    "span_days": max(tape["span_days"] for tape in tapes),
                    "bucket_s": tapes[0]["bucket_s"],
                    "chained_share": min(chained) if chained else None,
                },
                "assumptions": records[0]["assumptions"],
                "components": records[0]["components"],
                "policy": {"hash": policy_hash(self.policy), **self.policy.model_dump(mode="json")},
                "trials": None,
                "waivers": [waiver for one in records for waiver in one["waivers"]],
                "code_hash": sha256_code(),
                "rook_bench": version("rook-bench"),
                "pools": [
                    {
                        "name": name,
                        "place": one.tape["place"],
                        "verdict": one.verdict,
                        "exit_code": one.exit_code,
                        "reasons": one.reasons,
                        "judged_hash": judged_hash(record),
                        "folder": folder,
                    }
                    for name, one, record, folder in zip(self.pools, self.verdicts, records, folders, strict=True)
                ],
                "promoted_for": [self.pools[place] for place in self.promoted_for],
                "purse": {"over": [self.pools[place] for place in self.over], "decides": len(self.wanted) > 1},
            }
        )


def promoted(verdicts: Sequence[Verdict]) -> tuple[int, ...]:
    """Places of the verdicts that say PROMOTE."""
    return tuple(place for place, one in enumerate(verdicts) if one.verdict == "PROMOTE")


def judged_hash(record: dict[str, Any]) -> str:
    """Identity of what a verdict says, wherever its runs lie."""
    sides = {
        side: None if record[side] is None else {key: value for key, value in record[side].items() if key != "run"}
        for side in ("candidate", "champion")
    }
    return sha256_json({key: value for key, value in record.items() if key != "hash"} | sides)


def _together(sides: Sequence[dict[str, str | None] | None], purse: str) -> dict[str, str | None] | None:
    """One side on all pools: what it is, where that is the same on each, and the identity of what it did."""
    known = [side for side in sides if side is not None]
    if not known:
        return None
    found: dict[str, str | None] = {}
    for key in SAME:
        values = list(dict.fromkeys(side[key] for side in known))
        joined = " + ".join(str(value) for value in values) if key in ("source", "name") else None
        found[key] = values[0] if len(values) == 1 else joined
    found["run_hash"] = purse
    for key in ("data_hash", "decisions_hash"):
        found[key] = sha256_json([side[key] for side in known])
    return found
