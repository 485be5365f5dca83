"""models/promotions.jsonl: the last entry for a pool says who is its champion, and no other file can disagree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.files import whole_file
from rook_bench.core.hash_chain import Chain, Entry, head_of, line_of, locked, seal, sync_folder
from rook_bench.market.pool import Pool, place_of, same_place, unwrapped

MODELS = Path("models")
FILE, WITNESS = "promotions.jsonl", "promotions.head"

KEYS = (
    *("action", "source", "source_hash", "plugin_sha256", "run_hash", "data_hash", "decisions_hash"),
    *("adapter_hash", "base_hash", "prompt_hash", "code_hash", "policy_hash", "trials_head"),
    *("folder", "stored", "payload", "payload_key", "files", "verdict_hash", "verdict_file", "verdict_sha256"),
    *("waivers", "signature", "previous", "replaces", "other_champion", "reason"),
)
"""What every entry says besides its place in the chain."""


_STORED = r"promoted/[0-9a-f]{16}"
_PLACE = {
    "folder": re.compile(_STORED),
    "stored": re.compile(_STORED),
    "payload": re.compile(r"adapter|folder|file(\.[A-Za-z0-9]{1,10})?"),
    "verdict_file": re.compile(_STORED + r"/verdicts/[0-9a-f]{16}\.json"),
    "signature": re.compile(_STORED + r"/signatures/[0-9a-f]{16}\.json"),
}
"""What paths in an entry look like: a record may be anybody's, and leads nowhere else."""


class Record:
    """The promotion record of a models folder. Every change writes the file anew and renames it.

    The rename is the one moment at which a change happens: whoever is stopped before it has
    changed nothing, and whoever is stopped after it has changed all. `promotions.head` repeats
    the hash of the last entry afterwards; it decides nothing (it may lag behind by an entry), and
    is there so that `verify` sees when entries are cut off the end.
    """

    def __init__(self, models: Path = MODELS) -> None:
        self.models = Path(models)
        self.path = self.models / FILE
        self.witness = self.models / WITNESS
        self.chain = Chain(self.path)

    def entries(self) -> list[Entry]:
        """Every entry, verified; InputError names the first line that is not as it was written."""
        entries = self.chain.entries()
        # Unlike other chains this one is never written in part, so a part was left by somebody else.
        if self.chain.verify():
            raise InputError("the last line was cut", where=self.path, hint="restore the file from a copy")
        check_keys(entries, where=self.path)
        return entries

    @property
    def champions(self) -> list[Entry]:
        """The entry that made the present champion of each pool, in the order in which they were made."""
        return present(self.entries())

    def champion_on(self, pool: Pool | None = None, *, anywhere: bool = False) -> Entry | None:
        """The entry that made the present champion of a pool, None before the first.

        Args:
            pool: which; without it the champion that all pools share.
            anywhere: of a pool that none was promoted for, take the last one of any pool.

        Raises:
            InputError: where pools have different champions and none is named, or where champions were promoted for
                other pools alone.
        """
        champions = self.champions
        if not champions:
            return None
        if pool is None:
            first, others = champions[-1], champions[:-1]
            if any(entry["folder"] != first["folder"] for entry in others):
                raise InputError(
                    f"pools have champions of their own ({_pools_in(champions)})", where=self.path, hint="name the pool"
                )
            return first
        own = entries_on(champions, place_of(pool))
        if own or anywhere:
            return (own or champions)[-1]
        raise InputError(
            f"no champion was promoted for {pool.pair} ({pool.address}); there is one for {_pools_in(champions)}",
            where=self.path,
            hint="judge against a source that you name, against none, or with --transfer against that one",
        )

    def change(self, make: Callable[[list[Entry]], Mapping[str, Any]], *, at: datetime | None = None) -> Entry:
        """Add the entry that `make` gives for the entries there are; nobody else changes them meanwhile.

        What `make` raises leaves the record as it was. The entry is on disk when this returns.
        """
        with locked(self.path):
            self._sweep()
            entries = self.entries()
            problem = witnessed(self, entries)
            if problem is not None:
                raise InputError(problem, hint="restore both from a copy")
            try:
                if entries:  # a writer may have been stopped between the two files
                    replace_file(self.witness, _witness_of(entries))
                entry = seal(make(entries), entries, at)
                replace_file(self.path, b"".join(map(line_of, [*entries, entry])))
            except OSError as error:
                raise InputError(f"can't be written ({error.strerror})", where=error.filename or self.path) from None
            with suppress(OSError):  # the change is made; the next one mends the witness
                replace_file(self.witness, _witness_of([entry]))
        return entry

    def _sweep(self) -> None:
        """Remove what killed writers left beside the record; the lock says that none is at work."""
        for name in (FILE, WITNESS):
            for left in self.models.glob(f".{name}.*"):
                left.unlink(missing_ok=True)


def entries_on(entries: Sequence[Entry], place: Mapping[str, str]) -> list[Entry]:
    """Those for a pool (chain, address, pair); entries that name none are for any."""
    return [entry for entry in entries if entry.get("pool") is None or same_place(entry["pool"], place)]


def present(entries: Sequence[Entry]) -> list[Entry]:
    """Of each pool the last entry for it, in their order."""
    last: list[Entry] = []
    for entry in entries:
        mine = entry.get("pool")
        last = [one for one in last if not (mine is None or one.get("pool") is None or same_place(one["pool"], mine))]
        last.append(entry)
    return last


def present_on(entries: list[Entry], pool: str | None, *, where: Path) -> Entry:
    """The entry of the present champion of the pool that somebody names by pair or address.

    Raises:
        InputError: where no or several champions are meant, with those that there are.
    """
    champions = present(entries)
    known = {
        f"{one['pool']['pair']} {one['pool']['address']}".strip() if one.get("pool") else "any pool": one
        for one in champions
    }
    asked = "" if pool is None else unwrapped(pool.strip())
    found = [one for name, one in known.items() if pool is None or asked in map(unwrapped, (name, *name.split(" ")))]
    if len(found) == 1:
        return found[0]
    what = "champions of several pools" if found else f"no champion of '{pool}'"
    raise InputError(f"{what} ({', '.join(known)})", where=where, hint="name one with --pool")


def called(entry: Entry) -> str:
    """The pool that an entry's champion is for, in a few words."""
    pool = entry.get("pool")
    return "any pool" if pool is None else f"{pool['pair']} {pool['address'][:10]}".strip()


def _pools_in(entries: Sequence[Entry]) -> str:
    return ", ".join(map(called, entries))


def check_keys(entries: list[Entry], *, where: Path) -> None:
    """InputError for an entry that another version wrote."""
    for entry in entries:
        for path in ("folder", "verdict_file", "payload", "stored"):
            if entry.get(path) is not None and not _PLACE[path].fullmatch(str(entry[path])):
                raise InputError(f"entry {entry['seq']} names a place that is none of a record's", where=where)
        signature = entry.get("signature") or {}
        if signature and not _PLACE["signature"].fullmatch(str(signature.get("file"))):
            raise InputError(f"entry {entry['seq']} names a place that is none of a record's", where=where)
        lacking = [key for key in KEYS if key not in entry]
        if lacking:
            raise InputError(f"entry {entry['seq']} lacks '{lacking[0]}'", where=where, hint="another version wrote it")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole, and on disk before anybody can see it."""
    with whole_file(path) as aside, open(aside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _witness_of(entries: list[Entry]) -> bytes:
    return f"{head_of(entries)}\n".encode()


def witnessed(record: Record, entries: list[Entry]) -> str | None:
    """What is wrong with the end of the record, if anything is."""
    try:
        head = record.witness.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return f"{record.witness}: missing" if len(entries) > 1 else None
    except OSError as error:
        return f"{record.witness}: can't be read ({error.strerror})"
    # It is written after the record, so it may name the last entry but one.
    if head in [entry["hash"] for entry in entries[-2:]]:
        return None
    what = f"does not end with the entry that {WITNESS} names ({head[:16]})" if entries else "has lost its entries"
    return f"{record.path}: {what}: entries were removed"


def require_champion(models: Path) -> None:
    """InputError where nothing was promoted yet, on whichever pool."""
    record = Record(models)
    if not record.champions:
        raise InputError("nothing was promoted yet", where=record.path, hint="name the champion, or promote one")


def resolve_champion(models: Path = MODELS, pool: Pool | None = None, *, anywhere: bool = False) -> str:
    """The reference of the present champion of a pool; InputError where there is none. See `Record.champion_on`."""
    require_champion(models)
    champion = Record(models).champion_on(pool, anywhere=anywhere)
    assert champion is not None
    return reference_of(champion, models)


def reference_of(entry: Entry, models: Path) -> str:
    """The reference by which the source of an entry is asked: its stored copy where there is one."""
    from rook_bench.promotion.store import stored_reference

    return stored_reference(entry, models)
