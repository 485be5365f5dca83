"""`rook-bench live`: a pool followed as its chain grows."""

from __future__ import annotations

import math
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.status import Status

from rook_bench.cli.options import (
    CALLED,
    RPC_VARIABLE,
    SOURCE_HELP,
    ConfigFile,
    Engine,
    Models,
    Rpc,
    Seed,
    Transfer,
)
from rook_bench.core import InputError
from rook_bench.core.console import err, on_terminal, remark, say, warn
from rook_bench.ingest.fetch import PoolKey
from rook_bench.live.follow import Stop, follow
from rook_bench.live.fork import ROUTER
from rook_bench.live.session import Session
from rook_bench.live.switch import Bounds
from rook_bench.live.telemetry import Telemetry, Webhook, view_of
from rook_bench.live.wake import Wake
from rook_bench.workbench import live as bench
from rook_bench.workbench.running import with_options

LINE_EVERY_S = 30.0
ALERTS = ("killed", "resumed", "failed", "node")
"""Words that a webhook is told of; a fork of a block or two is everyday."""

LOUD = ("killed", "failed", "ticks")
"""Words that are warnings, and no remarks."""


def follow_pool(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="A v3 pool's address; of v4 the pool's id.")],
    source: Annotated[
        list[str], typer.Option("--source", help=SOURCE_HELP + " 'champion' is the promoted one." + CALLED)
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the session; the same command goes on with it.")],
    rpc: Rpc = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            help="shadow: decide. paper: fill by the exact pool, and keep the ledger, too. fork: send the first "
            "source's orders, too, on a fork (anvil, chain 31337).",
        ),
    ] = "shadow",
    account: Annotated[
        str | None, typer.Option("--account", metavar="ADDRESS", help="With --mode fork: whose orders they are.")
    ] = None,
    router: Annotated[
        str, typer.Option("--router", metavar="ADDRESS", help="With --mode fork: the v3 SwapRouter.")
    ] = ROUTER,
    manager: Annotated[
        str | None, typer.Option("--manager", metavar="ADDRESS", help="v4: the chain's PoolManager.")
    ] = None,
    config: ConfigFile = None,
    seed: Seed = None,
    engine: Engine = None,
    transfer: Transfer = False,
    models: Models = None,
    from_block: Annotated[
        int | None, typer.Option("--from-block", min=0, metavar="N", help="Begin the tape there.")
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(
            "--warm-up", min=1, metavar="N", help="Begin it N swaps before the head; what sources need by default."
        ),
    ] = None,
    poll: Annotated[
        float, typer.Option("--poll", min=0.05, metavar="S", help="Look at least so often, in seconds.")
    ] = 1.0,
    seconds: Annotated[float | None, typer.Option("--for", min=0, metavar="S", help="End after so long.")] = None,
    until_block: Annotated[
        int | None, typer.Option("--until-block", min=0, metavar="N", help="End once this block was read.")
    ] = None,
    max_drawdown: Annotated[
        float | None, typer.Option("--max-drawdown", min=0.0001, max=1, help="Kill: fall from the highest equity.")
    ] = None,
    max_reverts: Annotated[
        int | None, typer.Option("--max-reverts", min=1, help="Kill: orders in a row that reverted.")
    ] = None,
    max_silence: Annotated[
        float | None, typer.Option("--max-silence", min=0, metavar="S", help="Kill: no new block for so long; 0 never.")
    ] = None,
    max_skew: Annotated[
        float | None, typer.Option("--max-skew", min=0, metavar="S", help="Kill: clock and chain apart; 0 never.")
    ] = None,
    max_reorg: Annotated[
        int | None, typer.Option("--max-reorg", min=0, metavar="N", help="Kill: more blocks replaced than N.")
    ] = None,
    metrics: Annotated[
        int | None,
        typer.Option("--metrics", min=0, max=65535, metavar="PORT", help="Serve /metrics and /healthz on 127.0.0.1."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", envvar="ROOK_BENCH_WEBHOOK", help="Tell this address of alerts."),
    ] = None,
) -> None:
    """Follow a pool: decide as its swaps come, in a journal that a replay must come out equal to."""
    key = _key(pool, manager)
    if rpc is None:
        raise InputError("which node?", hint=f"give its URL with --rpc or {RPC_VARIABLE}")
    if mode not in ("shadow", "paper", "fork"):
        raise InputError(f"there is no mode '{mode}'", where="--mode", hint="shadow, paper or fork")
    if from_block is not None and warm_up is not None:
        raise InputError("both say where the tape begins", where="--from-block, --warm-up", hint="give one of them")
    served = None if metrics is None else Telemetry(metrics, silent_s=max_silence or bench.SILENT_S)
    hook = None if webhook is None else Webhook(webhook, out.name)

    def tell(word: str, sentence: str) -> None:
        (warn if word in LOUD else remark)(f"{word}: {sentence}")
        if hook is not None and word in ALERTS:
            hook(word, sentence)

    given = {
        "max_drawdown": max_drawdown,
        "max_reverts": max_reverts,
        "max_silence_s": max_silence,
        "max_skew_s": max_skew,
        "max_reorg": max_reorg,
    }
    asked = with_options(source, engine, None, transfer=transfer)
    settings: dict[str, Any] = {"mode": mode, "config": config, "seed": seed, "first": from_block, "swaps": warm_up}
    settings |= {"account": account, "router": router}
    with _ticks() as tick:
        session = bench.start_live(
            rpc,
            key,
            asked,
            out,
            **settings,
            change_bounds=lambda bounds: _bounds(bounds, given),
            models=models or Path("models"),
            tell=tell,
            tick=tick,
        )
    names = ", ".join(session.state.desks)
    remark(f"following {session.state.rows.pool.pair} from block {session.follower.number + 1}: {names}, {mode}")
    if session.state.longest is None:
        told = [name for name, desk in session.state.desks.items() if desk.lookback is None]
        remark(f"{', '.join(told)}: how far it looks back is not declared, so every swap is kept in memory")
    stop = Stop()
    wake = Wake(session.follower.node.address, poll)
    with _signals(stop, wake, session), _shown(session, wake, served) as after:
        try:
            why = follow(session, wake, stop, until_block=until_block, seconds=seconds, after_step=after)
        except InputError as error:
            tell("failed", str(error))
            raise
        finally:
            for part in (served, hook):
                if part is not None:
                    part.close()
    seen = session.seen
    say(f"ended: {why}, at block {session.follower.number}")
    say(f"{seen.blocks:,} blocks, {seen.swaps:,} swaps, {seen.late:,} too late to trade on, {seen.forks} forks")
    if seen.landed:
        say("sent: " + ", ".join(f"{count} {why}" for why, count in sorted(seen.landed.items())))
    say(f"journal: {out / 'journal.jsonl'}")
    say(f"next: rook-bench live check {out}")


def _key(pool: str, manager: str | None) -> PoolKey:
    if re.fullmatch(r"0x[0-9a-fA-F]{40}", pool) and manager is None:
        return PoolKey(pool.lower())
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", pool):
        if manager is None or not re.fullmatch(r"0x[0-9a-fA-F]{40}", manager):
            raise InputError("that is the id of a v4 pool", where=pool[:12], hint="add --manager ADDRESS")
        return PoolKey(manager.lower(), pool.lower())
    raise InputError(
        f"'{pool[:70]}' is no pool", where="POOL", hint="an address, 0x and 40 digits; of v4 an id, 64 digits"
    )


def _bounds(bounds: Bounds, given: dict[str, Any]) -> Bounds:
    changed = {name: value for name, value in given.items() if value is not None}
    for name in ("max_silence_s", "max_skew_s"):
        if changed.get(name) == 0:
            changed[name] = None
    return bounds.model_copy(update=changed)


@contextmanager
def _ticks() -> Iterator[Callable[[int, int], None]]:
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task("reading the pool's ticks", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _signals(stop: Stop, wake: Wake, session: Session) -> Iterator[None]:
    """SIGTERM and Ctrl-C end a session after the step that it is in; SIGUSR1 throws its kill switch."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        del frame
        if stop:  # somebody is in a hurry
            raise KeyboardInterrupt
        stop(f"{signal.Signals(number).name} was sent")
        wake.wake()

    def kill(number: int, frame: object) -> None:
        del number, frame
        (session.switch.folder / "KILL").touch()
        wake.wake()

    wanted: dict[int, Any] = {signal.SIGTERM: end}
    # A shell that starts it in the background has it ignore SIGINT.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        wanted[signal.SIGINT] = end
    if hasattr(signal, "SIGUSR1"):
        wanted[signal.SIGUSR1] = kill
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(session: Session, wake: Wake, served: Telemetry | None) -> Iterator[Callable[[], None]]:
    """A line that says how it goes: on a terminal always, elsewhere now and then."""
    told, observed = time.monotonic(), 0
    status: Status | None = err.status("following") if on_terminal() else None

    def after() -> None:
        nonlocal told, observed
        if served is not None:
            more = session.seen.in_time - observed
            served.show(view_of(session, wake), session.seen.work_s[-more:] if more else [])
            observed = session.seen.in_time
        if status is not None:
            status.update(_line(session))
        elif time.monotonic() - told >= LINE_EVERY_S:
            told = time.monotonic()
            remark(_line(session))

    with nullcontext() if status is None else status:
        yield after


def _line(session: Session) -> str:
    seen = session.seen
    parts = [f"block {session.follower.number:,} of {seen.head:,}", f"{seen.swaps:,} swaps"]
    if seen.work_s:
        parts.append(f"{sorted(seen.work_s)[len(seen.work_s) // 2] * 1000:.0f} ms each")
    parts += [f"{desk.name} {desk.equity:,.2f}" for desk in session.state.desks.values() if not math.isnan(desk.equity)]
    killed = session.switch.thrown
    return ", ".join(parts) + (f", KILLED ({killed.reason})" if killed else "")
