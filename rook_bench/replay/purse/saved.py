"""A PurseRun on disk: a folder for each pool, and one record over all of them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.files import write_json
from rook_bench.core.hashing import seal_of, sealed, sha256_code, sha256_file
from rook_bench.core.parquet import write_parts
from rook_bench.core.untrusted import confined
from rook_bench.market.view import MarketView
from rook_bench.replay import dtypes
from rook_bench.replay.engine import order_table
from rook_bench.replay.purse.coins import coins_of
from rook_bench.replay.purse.engine import replayed
from rook_bench.replay.purse.ledger import reconcile_purse
from rook_bench.replay.purse.run import Leg, PurseRun, Share
from rook_bench.replay.run import slug
from rook_bench.replay.saved import ORDERS, check_files, decided_in, keep_tape, same_orders, tape_of
from rook_bench.risk import apply_risk
from rook_bench.sources.decide import decision_facts
from rook_bench.sources.saved import write_decisions
from rook_bench.tapecheck.check import check_tape

RECORD, VERSION, SEAL = "purse.json", 1, "seal"

FILES = ("decisions.parquet", "orders.parquet")


def save_purse(run: PurseRun, folder: Path) -> None:
    """Write a PurseRun into an existing folder (measures and report are added by their own layers)."""
    legs = []
    for index, leg in enumerate(run.legs):
        name = f"pools/{index + 1:02d}-{slug(leg.pool.pair.replace('/', '-'))}"
        own = folder / name
        own.mkdir(parents=True)
        legs.append({"folder": name} | _save_leg(leg, own))
    record = {
        "version": VERSION,
        "rook_bench": version("rook-bench"),
        "label": run.label,
        "run_hash": run.run_hash,
        "code_hash": sha256_code(),
        "numeraire": run.numeraire,
        "shares": [asdict(share) | {"quote": str(share.quote), "base": str(share.base)} for share in run.shares],
        "closing": list(map(str, run.closing)),
        "tokens": [{"chain": coin.chain} | coin.token.model_dump() for coin in run.coins.all],
        "legs": legs,
    }
    write_json(folder / RECORD, sealed(record, SEAL))


def _save_leg(leg: Leg, folder: Path) -> dict[str, Any]:
    tape = keep_tape(leg.frame, folder)
    source, orders = leg.decided.source, leg.orders
    facts = decision_facts(source, leg.frame, leg.config.seed)
    write_decisions(leg.decided.tape, folder / "decisions.parquet", facts, at=leg.frame.at)
    write_parts(len(orders), lambda rows: orders.rows(rows).to_arrow(), folder / "orders.parquet", ORDERS)
    inside = tape.absolute().is_relative_to(folder.absolute())
    return {
        "pool": leg.pool.model_dump(),
        "source": source.reference,
        "source_hash": source.content,
        "run_hash": leg.run_hash,
        "data_hash": leg.frame.data_hash,
        "decisions_hash": leg.decided.tape.content_hash,
        "config": leg.config.model_dump(),
        "specs": [spec.to_json() for spec in leg.specs],
        "seconds_per_decision": leg.decided.seconds_per_decision,
        "lookahead": leg.lookahead.to_json(),
        "tape_check": leg.tape_check.to_json(),
        "tape": os.path.relpath(tape, folder) if inside else str(tape.absolute()),
        "files": {name: sha256_file(folder / name) for name in FILES},
    }


def load_purse(folder: str | Path) -> PurseRun:
    """Read a PurseRun, check its hashes, replay its decisions and compare: it is never trusted as it lies.

    Raises:
        InputError: where files are missing or changed, or other orders come out.
    """
    folder = Path(folder)
    try:
        return _load(folder)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"{RECORD} lacks or garbles something ({type(error).__name__}: {error})"
        raise InputError(what, where=folder, hint="replay it again") from None


def _load(folder: Path) -> PurseRun:
    facts = _facts(folder)
    legs = []
    for own in facts["legs"]:
        place = confined(folder, str(own["folder"]))
        if set(own["files"]) != set(FILES):
            raise InputError(f"{RECORD} names other files than {', '.join(FILES)}", where=place)
        check_files(place, own["files"], RECORD)
        frame = tape_of(place, str(own["tape"]))
        if frame.data_hash != own["data_hash"]:
            raise InputError("the tape is not the one the run was made on", where=place / str(own["tape"]))
        decided, config, lookahead = decided_in(place, own, frame)
        permitted = apply_risk(config.risk, MarketView.whole(frame), decided.tape)
        nothing = order_table(frame, dtypes.empty_orders(0), decided.tape, permitted, whole_map=True)
        legs.append(Leg(frame, decided, config, permitted, nothing, lookahead, check_tape(frame)))
    coins = coins_of([leg.frame for leg in legs], str(facts["numeraire"]))
    shares = [Share(**share | {side: int(share[side]) for side in ("quote", "base")}) for share in facts["shares"]]
    if [share.leg for share in shares] != list(range(len(legs))):
        raise InputError(f"{RECORD} lacks a pool's share of the capital", where=folder, hint="replay it again")
    run = replayed(legs, coins, tuple(shares))
    for own, leg in zip(facts["legs"], run.legs, strict=True):
        if not same_orders(leg, folder / own["folder"] / "orders.parquet"):
            what = "replaying the decisions gives other orders than the run holds"
            hint = "the code or a plugin changed: replay it again"
            raise InputError(what, where=folder / own["folder"], hint=hint)
    reconcile_purse(run)
    return replace(run, label=str(facts["label"]))


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"the folder holds no {RECORD}", where=folder, hint="replay several tapes into it with rook-bench replay"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"not a readable {RECORD} ({error})", where=folder) from None
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        raise InputError(f"{RECORD} is of another version than {VERSION}", where=folder, hint="replay it again")
    if facts.get(SEAL) != seal_of(facts, SEAL):
        raise InputError(f"{RECORD} was changed after it was written", where=folder, hint="replay it again")
    return facts
