"""What is left running without anybody who looks after it, ended: for cron, and for the last step of a CI job."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rook_bench.remote.rent.guard import StillBilled, end_all
from rook_bench.remote.rent.lease import Lease, end_of, leases
from rook_bench.remote.rent.provider import Provider, Resource


@dataclass
class Reaped:
    """What was found.

    Attributes:
        ended: names that were ended; kept: names that are looked after, or were asked to stay.
        left: what could not be ended.
    """

    ended: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: list[StillBilled] = field(default_factory=list)


def reap(provider: Provider, say: Callable[[str], None], *, everything: bool = False) -> Reaped:
    """End what nobody looks after.

    That is a lease whose process is gone and that was not asked to stay; and anything of our name at the provider whose
    time is over, also where its lease lies on another machine.

    Args:
        everything: also what is looked after, was asked to stay, or belongs to another machine.
    """
    found, now = Reaped(), time.time()
    known = [lease for lease in leases() if lease.provider == provider.name]
    for lease in known:
        with lease.held() as free:
            stays = lease.keep_until is not None and lease.keep_until > now
            if (not free or stays) and now < lease.end_at and not everything:
                found.kept.append(lease.name)
                continue
            _end(provider, lease, found, say)
    named = {lease.name for lease in known}
    over = {lease.name for lease in leases(ended=True)} - named
    strangers: dict[str, list[Resource]] = {}
    for resource in provider.find():
        if resource.name not in named:
            strangers.setdefault(resource.name, []).append(resource)
    for name in strangers:
        end_at = end_of(name)
        # What was ended here and is there nevertheless came after everybody had stopped looking.
        if name not in over and (end_at is None or (now < end_at and not everything)):
            found.kept.append(name)
            continue
        stranger = Lease(name=name, provider=provider.name, job=name.split("-")[2], end_at=end_at or now)
        stranger.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _end(provider, stranger.kept(state="rented", address="unknown"), found, say)
    return found


def _end(provider: Provider, lease: Lease, found: Reaped, say: Callable[[str], None]) -> None:
    say(f"ending {lease.name}")
    try:
        end_all(provider, lease)
        found.ended.append(lease.name)
    except StillBilled as left:
        found.left.append(left)
