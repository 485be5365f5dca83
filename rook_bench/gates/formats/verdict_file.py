"""verdict.json as the promotion reads it: nothing in it is believed before its hash is checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.hashing import seal_of, sha256_code
from rook_bench.gates.check import NEVER
from rook_bench.gates.formats.schema import SCHEMA_VERSION

JUDGE_AGAIN = "judge the candidate again with rook-bench gate"

JUDGED = ("verdict", "checks", "candidate", "champion", "policy", "tape", "assumptions", "trials")
"""Sections that judging again must give again."""

OVER_POOLS = ("pools", "promoted_for", "purse", "beside")
"""What only a verdict over several pools, or on one of them, holds."""

IDENTITY = ("source", "run_hash", "data_hash", "decisions_hash", "adapter_hash", "base_hash", "prompt_hash")
"""What a verdict says of its candidate and its champion."""


def read_verdict(path: str | Path) -> dict[str, Any]:
    """A verdict of a known version that matches its own hash, from its file or the folder it lies in."""
    path = verdict_path(path)
    return parse_verdict(read_bytes(path), where=path)


def read_bytes(path: Path) -> bytes:
    """The bytes of a verdict's file; InputError where it can't be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("no such verdict", where=path, hint="make one with rook-bench gate") from None
    except OSError as error:
        raise InputError(f"can't be read ({error.strerror})", where=path) from None


def parse_verdict(content: bytes, *, where: Path) -> dict[str, Any]:
    """The verdict in the bytes of its file, checked for version, hash and keys."""
    try:
        verdict = json.loads(content)
    except ValueError as error:
        raise InputError(f"not a verdict ({' '.join(str(error).split())})", where=where, hint=JUDGE_AGAIN) from None
    version = verdict.get("schema_version") if isinstance(verdict, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(f"verdict version {version} is not {SCHEMA_VERSION}", where=where, hint=JUDGE_AGAIN)
    if verdict.get("hash") != seal_of(verdict):
        raise InputError("the verdict was changed: it does not match its own hash", where=where, hint=JUDGE_AGAIN)
    lacking = [key for key in (*JUDGED, "waivers", "code_hash") if key not in verdict]
    for side in ("candidate", "champion"):
        if side == "candidate" or verdict.get(side) is not None:
            lacking += [f"{side}.{key}" for key in IDENTITY if key not in (verdict.get(side) or {})]
    if lacking:
        raise InputError(f"the verdict lacks '{lacking[0]}'", where=where, hint=JUDGE_AGAIN)
    garbled = next(_garbled(verdict), None)
    if garbled is not None:
        raise InputError(f"the verdict garbles '{garbled}'", where=where, hint=JUDGE_AGAIN)
    return dict(verdict)


def _garbled(verdict: Mapping[str, Any]) -> Iterator[str]:
    """Sections that not every verdict has, and that are none: anybody may have written them, and sealed them anew."""
    if "pools" in verdict:
        pools = verdict["pools"]
        names = ("name", "folder", "verdict")
        sound = isinstance(pools, list) and all(
            isinstance(one, dict) and all(isinstance(one.get(name), str) for name in names) for one in pools
        )
        if not sound or len({one["folder"] for one in pools}) < max(len(pools), 2):
            yield "pools"
    if "beside" in verdict:
        beside = verdict["beside"] if isinstance(verdict["beside"], dict) else {}
        pools, values, place = beside.get("pools", ()), beside.get("p_values", ()), beside.get("place")
        listed = isinstance(pools, list) and isinstance(values, list) and len(pools) == len(values)
        numbers = listed and all(one is None or isinstance(one, int | float) for one in values)
        if not (numbers and isinstance(place, int) and 0 <= place < len(pools)):
            yield "beside"
    if "live" in verdict:
        live = verdict["live"] if isinstance(verdict["live"], dict) else {}
        texts = all(isinstance(live.get(name), str) for name in ("folder", "journal", "against"))
        counts = all(isinstance(live.get(name), int | float) for name in ("days", "decided", "drift"))
        if not (texts and counts and {"source", "late_share"} <= live.keys()):
            yield "live"


def verdict_path(path: str | Path) -> Path:
    """The file of a verdict that is named by its file or its folder."""
    return Path(path) / "verdict.json" if Path(path).is_dir() else Path(path)


def check_promotes(verdict: Mapping[str, Any], *, where: Path, now: datetime) -> None:
    """InputError unless the verdict lets its candidate be promoted by this code on this day."""
    if verdict.get("verdict") != "PROMOTE" or verdict.get("exit_code") != 0:
        reasons = "; ".join(map(str, verdict.get("reasons", [])))
        raise InputError(f"the verdict is {verdict.get('verdict')}, not PROMOTE ({reasons})", where=where)
    for check in verdict["checks"]:
        if check["status"] == "invalid":
            raise InputError(f"check '{check['name']}' is invalid, which nothing can waive", where=where)
    if verdict["code_hash"] != sha256_code():
        raise InputError("the verdict was given by other code than this", where=where, hint=JUDGE_AGAIN)
    for waiver in verdict["waivers"]:
        check_waiver(waiver, where=where, today=now.date())


def check_waiver(waiver: Mapping[str, Any], *, where: Path, today: date) -> None:
    """InputError for a waiver that is over, or that waives what can't be waived. It holds on its last day."""
    name = waiver["check"]
    if name in NEVER:
        raise InputError(f"'{name}' can't be waived", where=where, hint=JUDGE_AGAIN)
    try:
        expires = date.fromisoformat(str(waiver["expires"])[:10])
    except ValueError:
        raise InputError(f"the waiver of '{name}' has no date on which it expires", where=where) from None
    if expires < today:
        what = f"the waiver of '{name}' by {waiver['owner']} expired on {expires}"
        raise InputError(what, where=where, hint="renew the waiver and judge again")


def check_same_judgement(verdict: Mapping[str, Any], again: Mapping[str, Any], *, where: Path) -> None:
    """InputError that names the first thing in which judging the same runs again gave another answer."""
    again = json.loads(json.dumps(again))
    for section in (*JUDGED, *OVER_POOLS):
        before, after = verdict.get(section), again.get(section)
        if before == after:
            continue
        what = f"'{section}' is {_short(after)} now and was {_short(before)}"
        if section == "checks":
            what = _first_other_check(before, after)
        raise InputError(f"judging the same runs again gives another verdict: {what}", where=where, hint=JUDGE_AGAIN)


def _first_other_check(before: Any, after: Any) -> str:
    mine, theirs = ({check["name"]: check for check in checks or []} for checks in (before, after))
    for name in {**mine, **theirs}:
        if mine.get(name) != theirs.get(name):
            was, now = (checks.get(name, {}).get("status", "absent") for checks in (mine, theirs))
            return f"check '{name}' is {now} now and was {was}" + (" with other numbers" if now == was else "")
    return "the checks come in another order"


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 60 else text[:57] + "..."
