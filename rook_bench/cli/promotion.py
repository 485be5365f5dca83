"""`rook-bench promote` and `verify`: the promotion record, changed and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import AllowPlugin, ChampionPool, Json, Models, NodeOfSession, Track, Trials
from rook_bench.cli.tracking import put, tracking
from rook_bench.core import InputError
from rook_bench.core.console import say, say_json
from rook_bench.core.project import models_folder, trials_folder
from rook_bench.promotion.record import Record, called, reference_of
from rook_bench.promotion.verify import verify as findings_of
from rook_bench.trials import TrialLedger


def promote(
    verdict: Annotated[
        Path | None, typer.Argument(metavar="[VERDICT]", help="verdict.json of the gate, or its folder.")
    ] = None,
    models: Models = None,
    sign_key: Annotated[
        Path | None, typer.Option("--sign-key", help="Sign the stored copy with this private EC key (PEM).")
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Make the previous champion champion again; takes no VERDICT.")
    ] = False,
    pool: ChampionPool = None,
    reason: Annotated[str, typer.Option("--reason", help="A remark for the reader of the record.")] = "",
    allow_other_champion: Annotated[
        bool, typer.Option("--allow-other-champion", help="Accept a verdict against another champion.")
    ] = False,
    allow_other_policy: Annotated[
        bool,
        typer.Option("--allow-other-policy", help="Accept another policy than successions go by; it is recorded."),
    ] = False,
    allow_other_config: Annotated[
        bool,
        typer.Option(
            "--allow-other-config", help="Accept other assumptions or another clock than the champion's; recorded."
        ),
    ] = False,
    rpc: NodeOfSession = None,
    allow_plugin: AllowPlugin = None,
    trials: Trials = None,
    track: Track = None,
    json: Json = False,
) -> None:
    """Make the candidate of a verdict champion; the verdict is checked and judged again first."""
    place = models or models_folder()
    tracker = tracking(track)
    if rollback:
        if verdict is not None:
            raise InputError("--rollback takes no VERDICT", where=verdict, hint="leave one of them out")
        if not reason:
            raise InputError("a rollback needs its reason", where="promote", hint="add --reason TEXT")
        from rook_bench.promotion.change import rollback as roll_back

        entry = roll_back(place, reason, pool=pool)
    else:
        if pool is not None:
            raise InputError("a verdict names its own pools", where="--pool", hint="drop it; it is for --rollback")
        if verdict is None:
            raise InputError("no VERDICT was given", where="promote", hint="give verdict.json, or --rollback")
        from rook_bench.workbench.promote import promote as judge_and_promote

        entry = judge_and_promote(
            verdict,
            models=models,
            trials=trials,
            sign_key=sign_key,
            reason=reason,
            allow_other_champion=allow_other_champion,
            allow_other_policy=allow_other_policy,
            allow_other_config=allow_other_config,
            rpc=rpc,
            allow_plugins=allow_plugin or (),
        )
    put(tracker, place)
    if json:
        say_json(entry)
        return
    together = [one for one in Record(place).champions if one.get("joint") and one["joint"] == entry.get("joint")]
    for one in together or [entry]:
        say(f"champion{' of ' + called(one) if together else ''}: {reference_of(one, place)}")
        say(f"record: {place / 'promotions.jsonl'}, entry {one['seq']} ({one['hash'][:16]})")


def verify(
    models: Models = None,
    trials: Trials = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Check signatures with this public EC key (PEM).")
    ] = None,
    json: Json = False,
) -> int:
    """Check the promotion record, every stored file, verdict and signature, and the trial ledger."""
    place, ledger = models or models_folder(), TrialLedger(trials or trials_folder(models))
    findings = findings_of(place, ledger, public_key)
    count = 0 if findings else len(Record(place).entries())
    if json:
        say_json({"entries": count, "findings": findings})
    elif findings:
        for finding in findings:
            say(finding)
    else:
        say(f"{count} {'entry' if count == 1 else 'entries'} verified")
    return 3 if findings else 0
