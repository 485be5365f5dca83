"""Make a candidate champion by its verdict, or the previous champion again."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rook_bench.core import InputError, RookError
from rook_bench.core.hash_chain import Entry
from rook_bench.core.hashing import sha256_file, sha256_json
from rook_bench.core.reference import plugin_path
from rook_bench.core.shipped import shipped
from rook_bench.gates import load_policy
from rook_bench.gates.formats.verdict_file import (
    IDENTITY,
    JUDGE_AGAIN,
    check_promotes,
    check_same_judgement,
    parse_verdict,
    read_bytes,
    verdict_path,
)
from rook_bench.gates.verdict import policy_hash
from rook_bench.plugins import Choice
from rook_bench.promotion.changed import changed_source, changed_verdict
from rook_bench.promotion.record import MODELS, Record, entries_on, present_on
from rook_bench.promotion.store import (
    SIGNATURES,
    VERDICTS,
    changed_files,
    folder_name,
    payload_of,
    put_file,
    store_source,
    stored_reference,
)
from rook_bench.sources import Source
from rook_bench.sources.identity import fingerprint_of, identity_of, plugin_file_hash
from rook_bench.sources.own_files import own_files

Rejudge = Callable[[Path], Mapping[str, Any]]

Other = Literal["champion", "policy", "config"]
"""In what a verdict may differ from what the present champion was promoted by."""

SUCCESSION = "rook-promotion"
"""The policy that the first succession goes by."""


def promote(
    verdict_file: Path,
    models: Path = MODELS,
    *,
    rejudge: Rejudge,
    sign_key: Path | None = None,
    reason: str = "",
    allow: Collection[Other] = (),
    joint: str | None = None,
    now: datetime | None = None,
) -> Entry:
    """Make the candidate of a verdict champion of the pool that it was judged on, and return the entry that says so.

    Args:
        verdict_file: verdict.json, or the gate's folder.
        models: the models folder, which holds the record and the stored copies.
        rejudge: judges the runs in the gate's folder again and returns the verdict, as JSON.
        sign_key: a private elliptic-curve key (PEM) to sign the stored copy with.
        reason: a remark for the reader of the record.
        allow: in what a verdict may differ from what the present champion was promoted by: "champion" (given against
            another one), "policy" and "config" (assumptions and clock). It is recorded.
        joint: hash of the verdict over several pools that this one is part of.
        now: the time of the promotion.

    Raises:
        InputError: with the reason, where anything is not as the verdict says. The record is then as it was.
    """
    now, record = now or datetime.now(UTC), Record(models)
    path = verdict_path(verdict_file)
    content = read_bytes(path)
    verdict = parse_verdict(content, where=path)
    check_promotes(verdict, where=path, now=now)
    candidate = verdict["candidate"]
    source = _as_judged(candidate, path)
    unfit = source.choice.plugin.traits.get("no_candidate") if source.installed else None
    if unfit is not None:
        raise InputError(f"{source.reference} can't be champion: {unfit}", where=path)
    pool = verdict["tape"]["place"]
    _check_succession(verdict, source, entries_on(record.entries(), pool), record.models, path, allow)
    check_same_judgement(verdict, rejudge(path.parent), where=path)

    def entry(entries: list[Entry]) -> dict[str, Any]:
        before = entries_on(entries, pool)
        _check_succession(verdict, source, before, record.models, path, allow)
        made_of = payload_of(source.reference)
        if sign_key is not None and made_of is None:
            raise InputError(f"{source.reference} is made of no file that could be signed", hint="leave --sign-key out")
        stored = store_source(
            source.reference,
            record.models,
            entries,
            name=folder_name(source.reference, candidate, fingerprint_of(source.reference, source.content)),
            check=lambda reference: _check_copy(reference, source),
        )
        name = f"{verdict['hash'][:16]}.json"
        verdict_at = f"{stored.folder}/{VERDICTS}/{name}"
        signed_at = f"{stored.folder}/{SIGNATURES}/{name}"
        verdict_sha256 = put_file(record.models, verdict_at, lambda aside: aside.write_bytes(content))
        signature = None
        if sign_key is not None and stored.payload is not None:
            signature = _sign(record.models, stored.folder, stored.payload, signed_at, sign_key)
        return {
            "action": "promote",
            **{key: candidate[key] for key in IDENTITY},
            "source_hash": source.content,
            "plugin_sha256": plugin_file_hash(source.choice),
            "companions": _companions_of(source.choice),
            "code_hash": verdict["code_hash"],
            "policy_hash": verdict["policy"]["hash"],
            "trials_head": (verdict["trials"] or {}).get("head"),
            "folder": stored.folder,
            "stored": stored.folder if stored.payload is not None else None,
            "payload": stored.payload,
            "payload_key": made_of[0] if made_of is not None else None,
            "files": stored.files,
            "verdict_hash": verdict["hash"],
            "verdict_file": verdict_at,
            "verdict_sha256": verdict_sha256,
            "waivers": verdict["waivers"],
            "signature": signature,
            "pool": pool,
            "joint": joint,
            "previous": _promotion_of(before[-1]) if before else None,
            "replaces": _named(before[-1]) if before else None,
            "other_champion": "champion" in allow,
            "other": sorted(allow),
            "config_hash": assumptions_hash(verdict),
            "champion_policy": verdict["policy"].get("primary") is not None and bool(before),
            "reason": reason,
        }

    return record.change(entry, at=now)


def rollback(models: Path = MODELS, reason: str = "", *, pool: str | None = None, now: datetime | None = None) -> Entry:
    """Make the champion before the present one champion again, and return the entry that says so.

    Args:
        models, reason, now: as for `promote`.
        pool: pair or address of the pool whose champion it is; where there is one champion, it need not be named.

    Raises:
        InputError: where there is none, or its stored copy is not what was promoted.
    """
    record = Record(models)

    def entry(entries: list[Entry]) -> dict[str, Any]:
        if not entries:
            raise InputError("nothing was promoted yet", where=record.path)
        last = present_on(entries, pool, where=record.path)
        back_to = last["previous"]
        if back_to is None:
            raise InputError("there is no champion before the present one", where=record.path)
        target = entries[back_to]
        problems = [*changed_files(target, record.models), *changed_verdict(target, record.models)]
        problems = problems or changed_source(target, record.models)
        if problems:
            raise InputError(f"the previous champion is not what was promoted: {problems[0]}", hint="restore it first")
        again = {key: value for key, value in target.items() if key not in ("seq", "prev", "at", "hash")}
        return {**again, "action": "rollback", "restores": back_to, "replaces": _named(last), "reason": reason}

    return record.change(entry, at=now)


def _companions_of(choice: Choice) -> dict[str, str]:
    """Where the files of a user's plugin beside its own lie, with their SHA-256."""
    if plugin_file_hash(choice) is None or choice.plugin.in_memory:
        return {}
    return {str(path): sha256_file(path) for path in own_files(choice) if path != choice.plugin.file}


def _as_judged(candidate: Mapping[str, Any], path: Path) -> Source:
    """The candidate's source, which must be what it was when it was judged."""
    reference, file = candidate["source"], plugin_path(candidate["source"])
    content, plugin = _judged_content(candidate, path)
    if file is not None and file.is_file() and sha256_file(file) != plugin:  # known before any of it runs
        raise InputError(f"{reference} changed since it was judged", where=path, hint=JUDGE_AGAIN)
    source = Source.parse(reference)
    names = {"adapter_hash": "adapter", "base_hash": "base model", "prompt_hash": "prompt"}
    for key, value in identity_of(reference).items():
        if value != candidate[key]:
            raise InputError(
                f"the {names[key]} of {reference} changed since it was judged", where=path, hint=JUDGE_AGAIN
            )
    now = plugin_file_hash(source.choice)
    if source.content != content or (now is not None and now != plugin):
        raise InputError(f"{reference} changed since it was judged", where=path, hint=JUDGE_AGAIN)
    return source


def _judged_content(candidate: Mapping[str, Any], path: Path) -> tuple[str | None, str | None]:
    """Hashes of the content and of the plugin file that were judged; None where the verdict can't tell."""
    content = candidate.get("source_hash") or candidate["adapter_hash"]
    run = path.parent / str(candidate.get("run") or "") / "run.json"
    facts: dict[str, Any] = {}
    if run.is_file():
        try:
            facts = json.loads(run.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"not a readable run.json ({error})", where=run, hint=JUDGE_AGAIN) from None
    if content is None:
        content = facts.get("source_hash", "")
    specs = facts.get("specs") or [{}]
    return content, specs[0].get("sha256")


def _check_succession(
    verdict: Mapping[str, Any], source: Source, entries: list[Entry], models: Path, path: Path, allow: Collection[Other]
) -> None:
    """InputError unless the candidate may follow the present champion by this verdict."""
    if not entries:
        return
    champion, given = entries[-1], verdict["champion"]
    if is_same(verdict["candidate"], champion, models, content=source.content):
        raise InputError(f"{source.reference} is champion already (entry {champion['seq']})", where=path)
    for entry in entries:
        if entry["verdict_hash"] == verdict["hash"]:
            what = f"the verdict served for entry {entry['seq']}, and its candidate is champion no more"
            raise InputError(what, where=path, hint=JUDGE_AGAIN)
    if verdict["policy"].get("primary") is None and "champion" not in allow:
        raise InputError(
            f"the policy '{verdict['policy'].get('name')}' asks no primary question, so the champion was not beaten",
            where=path,
            hint="judge by a policy with a [primary] section, or say --allow-other-champion",
        )
    _check_policy(verdict, entries, path, allow)
    pinned = champion.get("config_hash")
    if pinned is not None and pinned != assumptions_hash(verdict) and "config" not in allow:
        raise InputError(
            f"the configuration is not the one that the champion (entry {champion['seq']}) was promoted under",
            where=path,
            hint="judge under that one (its verdict holds it), or say --allow-other-config",
        )
    if "champion" in allow or (given is not None and is_same(given, champion, models)):
        return
    against = "against no champion" if given is None else f"against {given['source']}"
    raise InputError(
        f"the verdict was given {against}, the champion is {stored_reference(champion, models)}",
        where=path,
        hint="judge against the present champion, or say --allow-other-champion",
    )


def _check_policy(verdict: Mapping[str, Any], entries: list[Entry], path: Path, allow: Collection[Other]) -> None:
    """InputError where a champion is to be followed by another policy than the one that successions go by.

    That is the policy of the last succession; of the first, the one that comes with the tool: a first champion has
    nothing to beat, so that its own policy asks less.
    """
    if "policy" in allow:
        return
    successions = [entry for entry in entries if entry["action"] == "promote" and entry.get("champion_policy")]
    mine = verdict["policy"]["hash"]
    own = shipped("policy", SUCCESSION)
    wanted = successions[-1]["policy_hash"] if successions else None if own is None else policy_hash(load_policy(own))
    if wanted is not None and mine != wanted:
        by = f"entry {successions[-1]['seq']}" if successions else f"'{SUCCESSION}', which comes with the tool,"
        what = f"the policy '{verdict['policy'].get('name')}' is not the one of {by} that successions go by"
        raise InputError(what, where=path, hint="judge by that one, or say --allow-other-policy, which is recorded")


def assumptions_hash(verdict: Mapping[str, Any]) -> str:
    """Identity of what a verdict assumed: clock, capital, risk and costs; the seed acts through decisions alone."""
    return sha256_json({name: value for name, value in verdict["assumptions"].items() if name != "seed"})


def is_same(facts: Mapping[str, Any], entry: Entry, models: Path, content: str | None = None) -> bool:
    """Whether a verdict's candidate or champion is the source of an entry, wherever either lies."""
    if any(facts[key] != entry[key] for key in ("adapter_hash", "base_hash", "prompt_hash")):
        return False
    content = content or facts["adapter_hash"] or facts.get("source_hash")
    try:
        mine = fingerprint_of(facts["source"], content)
        if mine == fingerprint_of(stored_reference(entry, models), entry["source_hash"]):
            return True
    except (RookError, OSError):
        pass  # the original may be gone by now; decisions on the same data tell as well
    return facts["adapter_hash"] is None and all(facts[key] == entry[key] for key in ("data_hash", "decisions_hash"))


def _check_copy(reference: str, source: Source) -> None:
    if Source.parse(reference).content != source.content:
        raise InputError(f"{source.reference} changed while it was copied", hint=JUDGE_AGAIN)


def _sign(models: Path, folder: str, payload: str, relative: str, key: Path) -> dict[str, str]:
    from rook_bench.promotion.signing import public_key_hash, sign

    digest = put_file(models, relative, lambda aside: sign(models / folder / payload, aside, key))
    return {"file": relative, "sha256": digest, "public_key_sha256": public_key_hash(key, private=True)}


def _promotion_of(entry: Entry) -> int:
    """The entry that first made an entry's champion champion."""
    return int(entry["restores"] if entry["action"] == "rollback" else entry["seq"])


def _named(entry: Entry) -> dict[str, Any]:
    return {"seq": entry["seq"], "source": entry["source"], "adapter_hash": entry["adapter_hash"]}
