"""The verdict and the evidence it rests on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, get_args

from rook_bench.core import ConfigError, InputError
from rook_bench.core.hashing import sealed, sha256_code, sha256_json
from rook_bench.gates.check import NEVER, Check, Status
from rook_bench.gates.formats.schema import SCHEMA_VERSION
from rook_bench.gates.policy import Policy
from rook_bench.gates.tries import Tries
from rook_bench.gates.waivers import Waiver, waive
from rook_bench.market.pool import place_of
from rook_bench.plugins import gate_check
from rook_bench.sources.identity import NOTHING, identity_of

if TYPE_CHECKING:  # a verdict is read without what measures and judges
    from rook_bench.gates.checks.beside import Beside
    from rook_bench.gates.checks.live import LiveShown
    from rook_bench.metrics import Analysis
    from rook_bench.sources import Source

VERDICTS = {
    "invalid": ("INVALID", 3),
    "fail": ("BLOCK", 1),
    "inconclusive": ("INCONCLUSIVE", 2),
    "pass": ("PROMOTE", 0),
}
"""The worst status decides, in this order; with the exit code of each verdict. Other statuses decide nothing."""


@dataclass(frozen=True)
class Verdict:
    """PROMOTE, BLOCK, INCONCLUSIVE or INVALID, with every check and the hashes of what was judged.

    Attributes:
        verdict, exit_code: the answer.
        judged_at: when, UTC; waivers are held against its day.
        checks: every question with its answer.
        policy: what was asked.
        candidate, champion: names and hashes of both sides.
        tape: what it was judged on.
        assumptions: clock, capital, risk and costs, as both sides were replayed.
        components: records of the policy's own checks, with the hashes of their files.
        trials: head of the trial ledger, looks and candidates; None where no ledger was read.
        waivers: what was handed in.
        beside: the pools that the candidate was judged on at once; None where it was this one alone.
        live: what a live session showed; None where none was.
    """

    verdict: str
    exit_code: int
    judged_at: datetime
    checks: tuple[Check, ...]
    policy: Policy
    candidate: dict[str, str | None]
    champion: dict[str, str | None] | None
    tape: dict[str, Any] = field(default_factory=dict)
    assumptions: dict[str, Any] = field(default_factory=dict)
    components: list[dict[str, Any]] = field(default_factory=list)
    trials: dict[str, Any] | None = None
    waivers: tuple[Waiver, ...] = ()
    beside: Beside | None = None
    live: LiveShown | None = None

    @property
    def reasons(self) -> list[str]:
        """What the checks that decided say."""
        deciding = next(status for status, (name, _) in VERDICTS.items() if name == self.verdict)
        if deciding != "pass":
            return [f"{check.name}: {check.text}" for check in self.checks if check.status == deciding]
        waived = [check for check in self.checks if check.status == "waived"]
        passed = sum(check.status == "pass" for check in self.checks)
        if not waived:
            return [f"all {passed} checks passed"]
        return [f"{passed} checks passed, {len(waived)} waived", *(f"{check.name}: {check.text}" for check in waived)]

    def to_json(self) -> dict[str, Any]:
        """The shape of verdict.json; `hash` covers everything else in it."""
        record = {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "reasons": self.reasons,
            "judged_at": self.judged_at.isoformat(timespec="seconds"),
            "checks": [check.to_json() for check in self.checks],
            "candidate": self.candidate,
            "champion": self.champion,
            "tape": self.tape,
            "assumptions": self.assumptions,
            "components": self.components,
            "policy": {"hash": policy_hash(self.policy), **self.policy.model_dump(mode="json")},
            "trials": self.trials,
            "waivers": [waiver.to_json() for waiver in self.waivers],
            "code_hash": sha256_code(),
            "rook_bench": version("rook-bench"),
            **({} if self.beside is None else {"beside": self.beside.to_json()}),
            **({} if self.live is None else {"live": self.live.to_json()}),
        }
        return sealed(record)


def policy_hash(policy: Policy) -> str:
    """Identity of a policy, whatever file it was read from."""
    return sha256_json(policy.model_dump(mode="json"))


def judge(
    policy: Policy,
    candidate: Analysis,
    champion: Analysis | None,
    *,
    tries: Tries | None = None,
    waivers: Sequence[Waiver] = (),
    beside: Beside | None = None,
    live: LiveShown | None = None,
    judged_at: datetime | None = None,
) -> Verdict:
    """Ask every check of the policy; a candidate that must not be judged gets no other answer than INVALID.

    Args:
        policy: what to ask.
        candidate, champion: both sides, measured on the same tape.
        tries: what the trial ledger knows; without it, checks about trials are inconclusive.
        waivers: checks that somebody answers for.
        beside: the pools that the candidate is judged on at once, this tape's among them.
        live: what a live session of the candidate showed.
        judged_at: now, unless an earlier judgement is repeated.

    Raises:
        InputError: for a waiver that does not hold here.
    """
    from rook_bench.gates import checks

    now = judged_at or datetime.now(UTC)
    found = list(checks.validity(candidate, champion, min_fills=policy.evidence.min_fills))
    found.append(checks.training_data(policy.evidence, candidate))
    found += checks.assumptions(policy.assumptions, candidate)
    if not any(check.status == "invalid" for check in found):
        evidence = list(checks.evidence(policy.evidence, candidate))
        enough = all(check.status == "pass" for check in evidence)
        differences = list(checks.stress(policy.stress, policy.primary, candidate, champion))
        if policy.primary is not None:
            if beside is not None:
                differences.append(checks.across_pools(policy.primary, candidate, champion, beside))
            differences = [*checks.primary(policy.primary, candidate, champion), *differences]
            if policy.planted_fall is not None and enough:
                differences.append(checks.planted_fall(policy.planted_fall, policy.primary, candidate, champion))
            if champion is not None:
                differences.append(checks.holds_if(policy, candidate))
        found += [
            *(differences if enough else map(_undecided, differences)),
            *evidence,
            *checks.degeneracy(policy.degeneracy, candidate),
            *([] if policy.calibration is None else [checks.calibration(policy.calibration, candidate)]),
            *([] if policy.live is None else [checks.live(policy.live, live)]),
            *checks.selection(policy.selection, policy.primary, candidate, champion, tries),
            *checks.thresholds(policy.thresholds, candidate),
            *checks.versus_champion(policy.versus_champion, candidate, champion, enough=enough),
        ]
        found = _named_once(found)
        found += _further(policy, candidate, champion, {check.name for check in found})
        found = waive(
            found,
            waivers,
            candidate=candidate.run.decided.tape.content_hash,
            policy=policy_hash(policy),
            today=now.date(),
        )
    worst = next((status for status in VERDICTS if any(check.status == status for check in found)), "pass")
    name, exit_code = VERDICTS[worst]
    frame = candidate.run.frame
    return Verdict(
        verdict=name,
        exit_code=exit_code,
        judged_at=now,
        checks=tuple(found),
        policy=policy,
        candidate=_identity(candidate),
        champion=None if champion is None else _identity(champion),
        assumptions={"clock": candidate.clock.model_dump(mode="json"), **candidate.run.config.model_dump(mode="json")},
        components=[gate_check.choose(reference).spec().to_json() for reference in policy.checks],
        tape={
            "data_hash": frame.data_hash,
            "pool": f"{frame.pool.chain} {frame.pool.address}",
            "pair": frame.pool.pair,
            "place": place_of(frame.pool),
            "swaps": len(frame),
            "first_at": frame.at_index[0].isoformat(),
            "last_at": frame.at_index[-1].isoformat(),
            "span_days": frame.covered_s / 86_400,
            "bucket_s": candidate.clock.bucket_s,
            "chained_share": candidate.run.tape_check.chained_share,
        },
        trials=None
        if tries is None
        else {
            "head": tries.head,
            "looks": tries.looks,
            "candidates": tries.candidates,
            "on_this_tape": len(tries.others) + 1,
            "first_at": tries.first_at,
            "last_at": tries.last_at,
        },
        waivers=tuple(waivers),
        beside=beside,
        live=live,
    )


def _undecided(check: Check) -> Check:
    """A difference on less tape than was asked decides nothing, whichever way it points.

    Its interval knows how returns vary within the tape, not how days, weeks and months differ.
    """
    if check.margin is None or check.status not in ("pass", "fail"):
        return check
    too_little = "too little tape or trading to decide either way"
    return replace(check, status="inconclusive", remarks=(*check.remarks, too_little))


def _named_once(checks: list[Check]) -> list[Check]:
    """A metric may be bounded in two places: both are asked, under different names."""
    seen: set[str] = set()
    for index, check in enumerate(checks):
        if check.name in seen:
            checks[index] = replace(check, name=f"{check.name} (threshold)")
        seen.add(check.name)
    return checks


def _further(policy: Policy, candidate: Analysis, champion: Analysis | None, taken: Collection[str]) -> list[Check]:
    """The policy's own checks; ConfigError for one that is no check, or takes the name of another."""
    found: list[Check] = []
    for reference in policy.checks:
        choice = gate_check.choose(reference)
        check = choice.build()(candidate, champion)
        what = f"gate check '{choice.plugin.name}'"
        if not isinstance(check, Check) or check.status not in get_args(Status):
            raise ConfigError(f"{what} did not return a Check with a known status", where=choice.plugin.file)
        if check.name in {*taken, *NEVER, *(other.name for other in found)}:
            raise ConfigError(f"{what} calls its check '{check.name}', which is taken", where=choice.plugin.file)
        found.append(check)
    return found


def _identity(analysis: Analysis) -> dict[str, str | None]:
    run = analysis.run
    return {
        "source": run.source.reference,
        "name": run.name,
        "source_hash": run.source.content or None,
        "run_hash": run.run_hash,
        "data_hash": run.frame.data_hash,
        "decisions_hash": run.decided.tape.content_hash,
        **_model(run.source),
    }


def _model(source: Source) -> dict[str, str | None]:
    """Hashes of the language model; of one that is gone, only the adapter's as it was."""
    if not source.language_model:
        return dict(NOTHING)
    try:
        return identity_of(source.reference)
    except InputError:
        return NOTHING | {"adapter_hash": source.content}
