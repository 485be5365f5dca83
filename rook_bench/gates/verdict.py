"""The verdict and the evidence it rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, Literal

from rook_bench.core import ConfigError, Estimate
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.gates.policy import Policy
from rook_bench.metrics import Analysis
from rook_bench.plugins import gate_check

SCHEMA_VERSION = 1

Status = Literal["pass", "fail", "inconclusive", "invalid"]
VERDICTS = {
    "invalid": ("INVALID", 3),
    "fail": ("BLOCK", 1),
    "inconclusive": ("INCONCLUSIVE", 2),
    "pass": ("PROMOTE", 0),
}
"""The worst status decides, in this order; with the exit code of each verdict."""


@dataclass(frozen=True)
class Check:
    """One question the gate asked.

    Attributes:
        name: what was checked ("max_drawdown", "total_return vs champion").
        status: pass, fail, inconclusive (can't tell yet) or invalid (must not be judged).
        detail: one sentence with the numbers.
        estimate: the estimate it rests on, if it rests on one.
        bound: what was allowed.
    """

    name: str
    status: Status
    detail: str
    estimate: Estimate | None = None
    bound: str = ""

    def to_json(self) -> dict[str, Any]:
        """The shape stored in verdict.json."""
        record = asdict(self)
        record["estimate"] = None if self.estimate is None else self.estimate.to_json()
        return record


@dataclass(frozen=True)
class Verdict:
    """PROMOTE, BLOCK, INCONCLUSIVE or INVALID, with every check and the hashes of what was judged."""

    verdict: str
    exit_code: int
    checks: tuple[Check, ...]
    policy: Policy
    candidate: dict[str, str]
    champion: dict[str, str] | None
    tape: dict[str, Any] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """The details of the checks that decided."""
        deciding = next(status for status, (name, _) in VERDICTS.items() if name == self.verdict)
        if deciding == "pass":
            return [f"all {len(self.checks)} checks passed"]
        return [f"{check.name}: {check.detail}" for check in self.checks if check.status == deciding]

    def to_json(self) -> dict[str, Any]:
        """The shape of verdict.json."""
        policy = self.policy.model_dump(mode="json")
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "reasons": self.reasons,
            "checks": [check.to_json() for check in self.checks],
            "candidate": self.candidate,
            "champion": self.champion,
            "tape": self.tape,
            "policy": {"hash": sha256_json(policy), **policy},
            "code_hash": sha256_code(),
            "rook_bench": version("rook-bench"),
        }


def judge(policy: Policy, candidate: Analysis, champion: Analysis | None) -> Verdict:
    """Ask every check of the policy; a candidate that must not be judged gets no other answer than INVALID."""
    from rook_bench.gates import checks

    found = list(checks.validity(candidate, champion))
    if not any(check.status == "invalid" for check in found):
        evidence = list(checks.evidence(policy.evidence, candidate))
        enough = all(check.status == "pass" for check in evidence)
        found += [
            *evidence,
            *checks.degeneracy(policy.degeneracy, candidate),
            *checks.thresholds(policy.thresholds, candidate),
            *checks.versus_champion(policy.versus_champion, candidate, champion, enough=enough),
            *_further(policy, candidate, champion),
        ]
    worst = next((status for status in VERDICTS if any(check.status == status for check in found)), "pass")
    name, exit_code = VERDICTS[worst]
    frame = candidate.run.frame
    return Verdict(
        verdict=name,
        exit_code=exit_code,
        checks=tuple(found),
        policy=policy,
        candidate=_identity(candidate),
        champion=None if champion is None else _identity(champion),
        tape={
            "data_hash": frame.data_hash,
            "swaps": len(frame),
            "span_days": frame.span_s / 86_400,
            "chained_share": candidate.run.tape_check.chained_share,
        },
    )


def _further(policy: Policy, candidate: Analysis, champion: Analysis | None) -> list[Check]:
    found = []
    for reference in policy.checks:
        choice = gate_check.choose(reference)
        check = choice.build()(candidate, champion)
        if not isinstance(check, Check):
            raise ConfigError(f"gate check '{choice.plugin.name}' did not return a Check", where=choice.plugin.file)
        found.append(check)
    return found


def _identity(analysis: Analysis) -> dict[str, str]:
    run = analysis.run
    return {
        "source": run.source.reference,
        "run_hash": run.run_hash,
        "data_hash": run.frame.data_hash,
        "decisions_hash": run.decided.tape.content_hash,
    }
