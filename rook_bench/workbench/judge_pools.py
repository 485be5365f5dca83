"""Judge a candidate on several pools: an ordinary verdict for each, and one about the purse that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rook_bench import gates
from rook_bench.core import ConfigError, InputError
from rook_bench.core.files import whole_folder
from rook_bench.core.untrusted import confined
from rook_bench.gates import Check, Policy, Verdict, Waiver, load_policy, load_waiver
from rook_bench.gates.checks.beside import Beside, p_value
from rook_bench.gates.checks.purse import purse as ask_purse
from rook_bench.gates.formats import write_verdict
from rook_bench.gates.formats.verdict_file import check_same_judgement, read_verdict
from rook_bench.gates.pools import PoolsVerdict, promoted
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import names_apart
from rook_bench.plugins import trusting
from rook_bench.replay.purse import priced_in, purse_of, with_native
from rook_bench.replay.run import slug
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.evaluation import Evaluation
from rook_bench.workbench.judge import Judgement, Look, files_of, look_at
from rook_bench.workbench.pair_configs import Configs, all_settings, each_for
from rook_bench.workbench.purse import PurseComparison, PurseEvaluation
from rook_bench.workbench.rejudge import judge_again
from rook_bench.workbench.running import Tape, tape_of
from rook_bench.workbench.trials_branch import TrialsBranch
from rook_bench.workbench.tries import looks_of

Sides = tuple[Evaluation, Evaluation | None]
"""The candidate on a pool, and what it is judged against there."""


@dataclass(frozen=True, eq=False, repr=False)
class PoolsJudgement:
    """A verdict over several pools, with the judgement of each and the purses that they share.

    Attributes:
        verdict: for which pools, and why.
        judgements: of each pool, in the order named.
        purses: over the pools of `verdict.over`: the candidate's, and where there is one the champion's.
        folder: where it was saved, None until then.
    """

    verdict: PoolsVerdict
    judgements: tuple[Judgement, ...]
    purses: PurseComparison
    folder: Path | None = None

    def __repr__(self) -> str:
        return f"<PoolsJudgement {self.verdict.verdict}: {self.verdict.reasons[0]}>"

    @property
    def exit_code(self) -> int:
        """0 promote, 1 block, 2 inconclusive, 3 invalid."""
        return self.verdict.exit_code

    @property
    def reasons(self) -> list[str]:
        """What decided."""
        return self.verdict.reasons

    @property
    def folders(self) -> list[str]:
        """Where each pool's own verdict lies in the folder of all."""
        names = [one.evaluations[0].run.frame.pool.pair.replace("/", "-") for one in self.judgements]
        return [f"pools/{place:02d}-{slug(name)}" for place, name in enumerate(names, start=1)]

    def save(self, folder: str | Path) -> PoolsJudgement:
        """Write verdict.json and its other forms, each pool's own gate, the purses and a report into a folder, whole.

        Returns:
            The same judgement, which knows where it lies.

        Raises:
            InputError: where the folder holds files that rook-bench did not write.
        """
        folder = Path(folder)
        with whole_folder(folder) as aside:
            self.write(aside)
        return replace(self, folder=folder)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the same into an existing (temporary) folder; returns what verdict.json holds."""
        for one, name in zip(self.judgements, self.folders, strict=True):
            (folder / name).mkdir(parents=True)
            one.write(folder / name)
        record = self.verdict.to_json(self.folders)
        self.purses.write(folder, verdict=record)
        write_verdict(record, folder)
        return record


def judge_pools(
    policy: Policy | str | Path,
    candidate: str,
    champion: str | None = None,
    *,
    tapes: Sequence[Tape],
    config: Configs = None,
    seed: int | None = None,
    transfer: bool = False,
    waivers: Sequence[Waiver | str | Path] = (),
    models: str | Path | None = None,
    trials: str | Path | None = None,
    shared: TrialsBranch | None = None,
    allow_plugins: Iterable[str | Path] = (),
) -> PoolsJudgement:
    """Judge a source on several pools at once, and say for which of them it may follow the champion.

    Each pool gets an ordinary verdict, by the same policy, of the source replayed there alone. On top of it the primary
    question is held against its answers on all pools (Holm's step-down), so that choosing the pools on which a
    candidate looks best has no higher error rate than one question. Where two pools or more would be promoted for,
    one purse over those has to answer it as well.

    Args:
        policy, seed, transfer, waivers, models, trials, shared, allow_plugins: as for `judge`; a waiver is for the
            decisions on one pool.
        candidate, champion: sources; "champion" is the promoted one of each pool.
        tapes: one of each pool.
        config: as for `evaluate_purse`. Where pools are quoted in different tokens, capital and results are told in one
            numeraire, priced by the pools.

    Raises:
        InputError, ConfigError, UnknownName: for anything that can't be judged.
    """
    with trusting(strategies=True, files=[*allow_plugins, *files_of(candidate), *files_of(champion)]):
        rules = policy if isinstance(policy, Policy) else load_policy(policy)
        signed = [waiver if isinstance(waiver, Waiver) else load_waiver(waiver) for waiver in waivers]
        frames, settings = _ready([tape_of(tape) for tape in tapes], all_settings(config, seed))
        names = names_apart([frame.pool for frame in frames])
        looks = [
            look_at(
                candidate,
                champion,
                tape=frame,
                settings=one,
                transfer=transfer,
                models=models,
                trials=trials,
                shared=shared,
            )
            for frame, one in zip(frames, settings, strict=True)
        ]
        of_pool = _sorted_out(signed, looks)
        sides = [(look.evaluations[0], look.against) for look in looks]
        now, values = datetime.now(UTC), _p_values(rules, sides)
        verdicts = [
            gates.judge(
                rules,
                look.evaluations[0],
                look.against,
                tries=look.tries,
                waivers=of_pool[place],
                beside=None if values is None else Beside(tuple(names), values, place),
                judged_at=now,
            )
            for place, look in enumerate(looks)
        ]
        verdict, purses = _over_all(rules, now, names, verdicts, sides)
        judgements = [
            Judgement(one, tuple(look.evaluations), looks_of(look.tries))
            for one, look in zip(verdicts, looks, strict=True)
        ]
        return PoolsJudgement(verdict, tuple(judgements), purses)


def _ready(frames: list[SwapFrame], given: Sequence[BenchConfig]) -> tuple[list[SwapFrame], list[BenchConfig]]:
    """The tapes, which tell what gas and their quotes cost, and the settings of each in one numeraire."""
    if len(frames) < 2:
        raise ConfigError("one tape is no several", where="judge_pools", hint="judge it alone")
    settings = each_for(given, [frame.pool for frame in frames])
    frames, numeraire = priced_in(frames, given[0].numeraire)
    capital = given[0].capital
    if numeraire is not None and capital.value is None:  # as in a purse: whatever a pool is quoted in
        capital = capital.model_copy(update={"value": capital.quote_value})
    shared = {"capital": capital, "numeraire": numeraire, "clock": given[0].clock}
    settings = [one.model_copy(update=shared) for one in settings]
    return with_native(frames, [one.replay() for one in settings]), settings


def _sorted_out(waivers: Sequence[Waiver], looks: Sequence[Look]) -> list[list[Waiver]]:
    """Of each pool the waivers for the decisions there; InputError for one that is for none."""
    hashes = [look.evaluations[0].run.decided.tape.content_hash for look in looks]
    for waiver in waivers:
        if waiver.asked.candidate not in hashes:
            hint = "judged here are " + ", ".join(f'"{one}"' for one in hashes)
            raise InputError("the waiver is for another candidate", where=waiver.file, hint=hint)
    return [[waiver for waiver in waivers if waiver.asked.candidate == one] for one in hashes]


def _p_values(policy: Policy, sides: Sequence[Sides]) -> tuple[float | None, ...] | None:
    """Of the primary question on each pool; None where nothing is asked, or there is nobody to beat."""
    pairs = [(mine, theirs) for mine, theirs in sides if theirs is not None]
    if policy.primary is None or len(pairs) < len(sides):
        return None
    return tuple(p_value(policy.primary, mine, theirs) for mine, theirs in pairs)


def _over_all(
    policy: Policy,
    judged_at: datetime,
    names: Sequence[str],
    verdicts: Sequence[Verdict],
    sides: Sequence[Sides],
) -> tuple[PoolsVerdict, PurseComparison]:
    """The purse over the pools that would be promoted for, or over all, and the verdict with what it answers."""
    wanted = promoted(verdicts)
    over = wanted if len(wanted) > 1 else tuple(range(len(names)))
    columns = [[sides[place][0] for place in over]]
    theirs = [champion for place in over if (champion := sides[place][1]) is not None]
    if len(theirs) == len(over):
        columns.append(theirs)
    purses = PurseComparison(
        tuple(
            PurseEvaluation(purse_of([one.run for one in column], label=_called(column)), column[0].clock)
            for column in columns
        )
    )
    asked: tuple[Check, ...] = ()
    if all(one.verdict != "INVALID" for one in verdicts):
        asked = tuple(ask_purse(policy, purses[0], purses[1] if len(purses) > 1 else None))
    hashes = tuple(one.run.run_hash for one in purses)
    return PoolsVerdict(policy, judged_at, tuple(names), tuple(verdicts), asked, over, hashes), purses


def _called(runs: Sequence[Evaluation]) -> str:
    return " + ".join(dict.fromkeys(one.name for one in runs))


def is_over_pools(verdict: Path) -> bool:
    """Whether the verdict in a folder, or in a file, is one over several pools; InputError where it can't be read."""
    return "pools" in read_verdict(verdict)


def rejudge_pools(
    folder: Path, trials: Path | None = None, *, allow_plugins: Iterable[str | Path] = ()
) -> dict[str, Mapping[str, Any]]:
    """Judge again what lies in the folder of a gate over several pools, as `rejudge` does each of them.

    Returns:
        Of each pool that the candidate may be promoted for, by its folder, the verdict as judged again.

    Raises:
        InputError: where something is missing, does not match its hash, or comes out otherwise.
    """
    with trusting(strategies=True, files=allow_plugins):
        path = folder / "verdict.json"
        record = read_verdict(path)
        places = [confined(folder, str(one["folder"])) for one in record["pools"]]
        found = [judge_again(place, trials) for place in places]
        names = [str(one["name"]) for one in record["pools"]]
        policy = found[0].verdict.policy
        sides = [(one.candidate, one.champion) for one in found]
        values = _p_values(policy, sides)
        for place, one in enumerate(found):
            wanted = None if values is None else Beside(tuple(names), values, place)
            if one.verdict.beside != wanted:
                raise InputError("its pools do not belong together", where=path, hint="judge again")
        judged_at = datetime.fromisoformat(record["judged_at"])
        verdict, _ = _over_all(policy, judged_at, names, [one.verdict for one in found], sides)
        check_same_judgement(record, verdict.to_json([str(one["folder"]) for one in record["pools"]]), where=path)
        return {str(record["pools"][place]["folder"]): found[place].record for place in verdict.promoted_for}
