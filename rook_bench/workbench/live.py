"""Live sessions of named sources, and their runs: asked for, checked against the chain, written as any other run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import InputError
from rook_bench.core.console import remark
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.files import write_json
from rook_bench.gates.checks.live import LiveShown
from rook_bench.ingest.fetch import Node, PoolFacts, PoolKey, chain_name
from rook_bench.live import check
from rook_bench.live.desk import with_blackouts
from rook_bench.live.fork import LOCAL, ROUTER, Broker
from rook_bench.live.opening import Asked as LiveAsked
from rook_bench.live.opening import open_session, pool_of
from rook_bench.live.record import Recorded, read_session
from rook_bench.live.session import Session
from rook_bench.live.state import live_config
from rook_bench.live.switch import Bounds, Switch
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import analyse
from rook_bench.promotion.record import resolve_champion
from rook_bench.replay.engine import replay_decided
from rook_bench.replay.naming import names_of
from rook_bench.replay.run import Run
from rook_bench.sources import Decided, Source
from rook_bench.sources.decide import decision_key
from rook_bench.tapecheck.check import check_tape
from rook_bench.workbench.compare import Comparison
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.evaluation import Evaluation
from rook_bench.workbench.folder import title_of
from rook_bench.workbench.running import Asked, named, told_apart

CHECKED, RUNS = "check.json", "check"
"""In a session's folder: what the last check found, and the runs that it made (a comparison)."""

SKEW_S, SILENT_BLOCKS, SILENT_S = 120.0, 50, 120.0


def start_live(
    rpc: str,
    key: PoolKey,
    sources: Sequence[Asked],
    out: str | Path,
    *,
    mode: str = "shadow",
    config: BenchConfig | str | Path | None = None,
    seed: int | None = None,
    change_bounds: Callable[[Bounds], Bounds] = lambda bounds: bounds,
    first: int | None = None,
    swaps: int | None = None,
    models: Path = Path("models"),
    account: str | None = None,
    router: str = ROUTER,
    tell: Callable[[str, str], None] = lambda word, sentence: None,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Session:
    """Begin a live session, or go on with the one in a folder.

    Args:
        rpc: address of a node, see `ingest.fetch.Node`; key: the pool.
        sources: whom to ask, the first one first; "champion" is the promoted one of the pool.
        out: folder of the session.
        mode: "shadow" decides, "paper" keeps ledgers too, "fork" also sends the first source's orders on a fork.
        config: capital, risk and costs; see `live.state.live_config`.
        seed: of sources that draw random numbers; the configuration's by default.
        change_bounds: makes of the default bounds (see `default_bounds`) those that throw the kill switch.
        first, swaps: where the tape begins: at a block, or so many swaps before the head.
        models: folder of the promotion record.
        account, router: with mode "fork", whose orders are sent, and through which v3 SwapRouter.
        tell: hears what a person should know; tick: of calls for ticks.

    Raises:
        InputError, ConfigError, UnknownName: for a node, a pool, a source or settings that can't be used.
    """
    if not sources:
        raise InputError("which source?", hint="name one with --source")
    settings = settings_of(config, seed).replay()
    node = live_node(rpc)
    chain_id, facts = pool_of(node, key, Path(out))
    broker = None
    if mode == "fork":
        if account is None:
            raise InputError("whose orders?", where="--mode fork", hint="name an account of the fork with --account")
        broker = Broker(node, key, facts.pool, account, router)
    asked = LiveAsked(
        key=key,
        mode=mode,
        sources=_by_name(sources, facts, models),
        config=live_config(settings, facts.pool, paper=mode != "shadow"),
        bounds=change_bounds(default_bounds(chain_id, facts.pool.block_time_s)),
        first=first,
        swaps=swaps,
    )
    return open_session(Path(out), node, chain_id, facts, asked, tell, tick, broker)


def live_node(rpc: str, *, tries: int = 3) -> Node:
    """A node as a session asks it: with little patience, for it asks again anyway."""
    return Node(rpc, np.random.default_rng(), tries=tries, first_wait_s=0.2, timeout_s=20.0)


def default_bounds(chain_id: int, block_time_s: float) -> Bounds:
    """What throws the kill switch where nobody says; nothing of clocks on a chain of this machine alone (31337)."""
    if chain_id == LOCAL:
        return Bounds()
    return Bounds(max_skew_s=SKEW_S, max_silence_s=max(SILENT_S, SILENT_BLOCKS * block_time_s))


def _by_name(sources: Sequence[Asked], facts: PoolFacts, models: Path) -> dict[str, Source]:
    champions, others = list[Asked](), list[Asked]()
    for source in sources:
        name, _, reference = str(source).rpartition("=")
        if isinstance(source, str) and reference == "champion":
            champions.append(f"{name or reference}={resolve_champion(models, facts.pool)}")
        else:
            others.append(source)
    # Who is champion is asked first: it waits for nobody else.
    wanted = [*champions, *others]
    labelled = told_apart(named(wanted))
    short = names_of([source.reference for _, source in labelled])
    return {name or own: source for (name, source), own in zip(labelled, short, strict=True)}


@dataclass(frozen=True)
class LiveCheck:
    """What a check of a session found.

    Attributes:
        recorded: the session; findings: what differs from the chain and from a replay.
        frame: its tape, None before the first swap.
        decided: what each source said then, where that is of as many swaps.
        comparison: its sources as runs, None where they could not be made.
        against: "the chain", or "the journal's own events" where no node was asked.
    """

    recorded: Recorded
    findings: check.Findings
    frame: SwapFrame | None
    decided: Mapping[str, DecisionTape]
    comparison: Comparison | None
    against: str

    @property
    def decided_in_time(self) -> int:
        """Swaps that were decided on in time."""
        return 0 if self.frame is None else int(self.recorded.in_time(self.frame).sum())

    @property
    def exit_code(self) -> int:
        """0 nothing differs, 1 something does, 2 nothing was decided in time that could be held against anything."""
        if self.findings.drift:
            return 1
        return 0 if self.decided_in_time else 2

    def to_json(self) -> dict[str, Any]:
        """What was found."""
        told = check.to_json(self.findings, self.recorded, self.frame)
        return {**told, "against": self.against, "decided_in_time": self.decided_in_time, "exit_code": self.exit_code}


def check_live(
    folder: str | Path,
    rpc: str | None = None,
    *,
    sources: Mapping[str, Source] | None = None,
    upto: str | None = None,
    runs: bool = True,
    report: bool = True,
    pictures: bool = True,
) -> LiveCheck:
    """Hold a session against the chain and against a replay, and write its runs.

    The session's blocks are fetched anew, every source is asked anew about all of them at once, and what it decided
    live is replayed: events, decisions, orders and equity have to be the same to the last bit.

    Args:
        folder: of the session, which may go on meanwhile.
        rpc: address of a node; without one the journal's own events are taken.
        sources: to be asked in the place of those that the session names, by name.
        upto: hash of the last entry of the journal to look at; all by default.
        runs: write the runs (`check/`), with a report and its pictures unless not asked.

    Raises:
        InputError: the journal is damaged; a source is gone or changed; the node refuses.
    """
    folder = Path(folder)
    recorded, findings = read_session(folder, upto=upto), check.Findings()
    asked = check.sources_again(recorded, sources)
    result = _held_against(recorded, asked, rpc, findings)
    recorded = result.recorded
    if runs and result.frame is not None and len(result.decided) == len(asked):
        comparison = _runs(recorded, asked, result.decided, result.frame)
        comparison.save(folder / RUNS, report=report, pictures=pictures)
        result = replace(result, comparison=comparison)
    write_json(folder / CHECKED, result.to_json())
    if findings.drift and upto is None:
        Switch(folder).throw("drift", f"a check found {findings.drift} differences")
    return result


def _held_against(
    recorded: Recorded, asked: Mapping[str, Source], rpc: str | None, findings: check.Findings
) -> LiveCheck:
    """What differs from the chain and from a replay, for these sources of a session."""
    if rpc is None:
        frame, against = recorded.frame(), "the journal's own events"
        findings.events = sum(block.events.num_rows for block in recorded.blocks)
    else:
        node = live_node(rpc, tries=8)
        whole, recorded = recorded, check.still_there(node, recorded)
        findings.replaced = len(whole.blocks) - len(recorded.blocks)
        again = check.fetched_again(node, recorded)
        check.check_events(recorded, again, findings)
        frame, against = check.frame_again(recorded, again), "the chain"
    decided = dict[str, DecisionTape]()
    for name, source in asked.items() if frame is not None else ():
        assert frame is not None
        tape = check.check_decisions(recorded, name, source, frame, findings)
        if tape is not None:
            decided[name] = tape
            if recorded.paper:
                check.check_ledger(recorded, name, tape, frame, findings)
    return LiveCheck(recorded, findings, frame, decided, None, against)


def notes_of(recorded: Recorded, frame: SwapFrame) -> list[str]:
    """What a reader of a session's runs should know of it, in sentences."""
    counts = recorded.untraded(frame)
    words = {
        "before": "came before it began",
        "gap": "came while it was away",
        "late": "were decided on too late",
        "node": "came while the node was away",
    }
    parts = [f"{count:,} {words.get(why, f'came while it was {why}')}" for why, count in counts.items()]
    total = len(frame) - sum(counts.values())
    lines = [f"{total:,} swaps were decided on in time" + (f"; {', '.join(parts)}" if parts else "")]
    if recorded.forks:
        lines.append(f"the chain replaced blocks {len(recorded.forks)} times, at most {max(recorded.forks)} at once")
    if recorded.restarts or recorded.kills:
        lines.append(f"it was started again {recorded.restarts} times, and killed {len(recorded.kills)} times")
    if recorded.landed:
        told = ", ".join(f"{count} {why}" for why, count in sorted(recorded.landed.items()))
        lines.append(f"orders that were sent on the fork: {told}")
    return lines


def live_shown(folder: str | Path, candidate: Source, rpc: str | None = None, *, upto: str | None = None) -> LiveShown:
    """What a live session shows of a candidate: its part of the session, checked now (see `check_live`).

    Args:
        folder: of the session; candidate: the source that is judged.
        rpc: address of a node to fetch the session's blocks from; without one its own events are believed.
        upto: hash of the last entry of the journal to look at.

    Raises:
        InputError: as `check_live`.
    """
    place = Path(folder).absolute()
    recorded = read_session(place, upto=upto)
    spec = candidate.spec.to_json()
    name = next(
        (
            str(told["name"])
            for told in recorded.first["sources"]
            if (told["spec"], told["content"]) == (spec, candidate.content)
        ),
        None,
    )
    told: dict[str, Any] = {"folder": str(place), "journal": recorded.head, "source": name}
    if name is None:
        nothing = {"against": "journal", "days": 0.0, "decided": 0, "late_share": None, "drift": 0}
        return LiveShown.from_json(told | nothing)
    found = _held_against(recorded, {name: candidate}, rpc, check.Findings())
    days, share = 0.0, None
    if found.frame is not None:
        at = found.frame.at[found.recorded.in_time(found.frame)]
        days = float((at[-1] - at[0]) / np.timedelta64(1, "D")) if len(at) else 0.0
        share = check.late_share(found.recorded, found.frame)
    return LiveShown.from_json(
        told
        | {
            "against": "journal" if rpc is None else "chain",
            "days": days,
            "decided": found.decided_in_time,
            "late_share": share,
            "drift": found.findings.drift,
        }
    )


def _runs(
    recorded: Recorded, asked: Mapping[str, Source], decided: Mapping[str, DecisionTape], frame: SwapFrame
) -> Comparison:
    config = with_blackouts(recorded.config, recorded.blackouts)
    first, last = recorded.first["first"], recorded.last
    where = f"live on {chain_name(recorded.first['chain_id'])}, blocks {first} to {last}"
    frame = replace(frame, source=where, notes=(*frame.notes, *notes_of(recorded, frame)))
    tape_check = check_tape(frame)
    runs = list[Run]()
    for name, source in asked.items():
        times = [one[f"decide {name}"] for one in recorded.work_s if f"decide {name}" in one]
        each = float(np.median(times)) if times else None
        made = Decided(
            source, decided[name], decision_key(source, frame, config.seed), reused=True, seconds_per_decision=each
        )
        run = replay_decided(frame, made, config, tape_check=tape_check)
        runs.append(replace(run, label=name))
    evaluations = tuple(Evaluation.of(analyse(run, BenchConfig().clock)) for run in runs)
    for run in runs:
        if run.lookahead.status == "leak":
            remark(f"{run.name}: LOOK-AHEAD, {run.lookahead.detail}")
    return Comparison(evaluations, f"{title_of(evaluations)}, live")
