"""The bill: a machine is looked after by who rented it, by a watchdog, and by whoever reaps."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.remote.jobs import VARIABLE, JobRecord, remote_folder
from rook_bench.remote.rent.keys import Keys
from rook_bench.remote.rent.lease import Lease, leases
from rook_bench.remote.rent.provider import Provider, ProviderTrouble, Resource, Waits, Wish
from rook_bench.remote.rent.providers import provider_of
from rook_bench.remote.ssh import Ssh


class StillBilled(InputError):
    """Something could not be ended: told with its id and where to end it by hand."""

    def __init__(self, left: list[Resource], provider: Provider, why: str = "") -> None:
        what = "STILL BILLED: " + "; ".join(str(one) for one in left) + (f" ({why})" if why else "")
        super().__init__(what, where=provider.name, hint=f"end it now by hand at {provider.console}")


def end_all(provider: Provider, lease: Lease) -> None:
    """End everything of a lease, machine, disk and address, and see it gone.

    Where the request for the machine was not answered, it may still appear: that is waited for.

    Raises:
        StillBilled: where something is left, or nobody can tell.
    """
    waits = Waits.of_environment()
    late_s = waits.late_s if lease.address is None else 0.0
    begun = time.monotonic()
    left: list[Resource] = []
    why, seen, empty = "", False, 0
    while True:
        try:
            left = provider.find(lease.name)
            seen, empty, why = seen or bool(left), 0 if left else empty + 1, ""
            for resource in left:
                try:
                    provider.end(resource)
                except ProviderTrouble as trouble:  # a disk ends after its machine: asked again
                    why = str(trouble)
            # Twice, for a list may lag behind what it lists.
            if empty >= 2 and (seen or time.monotonic() - begun >= late_s):
                lease.kept(state="ended")
                for name in ("host", "login"):  # keys of a machine that is no more
                    (lease.folder / name).unlink(missing_ok=True)
                return
        except Exception as trouble:  # whatever a provider answers, the bill is what counts
            why = str(trouble) if isinstance(trouble, ProviderTrouble) else repr(trouble)
            left = left or [Resource("machine", lease.name, lease.name, "unknown")]
        if time.monotonic() - begun >= max(waits.end_s, late_s):
            raise StillBilled(left, provider, why)
        time.sleep(waits.poll_s)


@contextmanager
def rented(
    provider: Provider,
    job: str,
    *,
    machine: str | None,
    place: str | None,
    disk_gb: int,
    hours: float,
    max_usd: float | None,
    keep_hours: float | None,
    identity: Path | None,
    config: Path | None,
    say: Callable[[str], None],
) -> Iterator[tuple[Ssh, Lease]]:
    """A machine for a job, for as long as the block lasts; the one that the job has already, where there is one.

    Args:
        identity: private key to log in with; by default one that is made for this machine.
        config: ssh's configuration, in place of the user's own.
        max_usd: what all of it may cost; refused before anything is rented where hours times price is more.
        keep_hours: how long the machine is left running where the block is left before the job is done; by default it
            ends then.

    Raises:
        InputError, ProviderTrouble: where it costs too much, is not to be had, or does not start.
        StillBilled: where it can't be ended.
    """
    known = next((lease for lease in leases() if lease.job == job and lease.provider == provider.name), None)
    if known is not None and known.address is not None:
        say(f"going on with {known.name}")
        lease = known
        wish = None
    else:
        _end_stale(provider, job, say)
        price, wish = _agreed(provider, Wish(machine, place, disk_gb, hours, "", ""), max_usd, say)
        lease = Lease.intend(provider.name, job, hours, keep_hours, str(price))
    with guarded(provider, lease, say) as at:
        at.asked = wish is None
        keys = Keys.of(lease, identity) if provider.own_host_keys else None
        if wish is not None:
            user_data = keys.user_data(hours) if keys else ""
            at.asked = True
            user, address = provider.rent(replace(wish, name=lease.name, user_data=user_data), say)
            at.lease = lease.kept(state="rented", user=user, address=address)
        host = f"{at.lease.user}@{at.lease.address}"
        yield keys.ssh(host, config) if keys else Ssh(host, config, identity), at.lease


def _end_stale(provider: Provider, job: str, say: Callable[[str], None]) -> None:
    """End what was asked for the job before and whose answer nobody heard: it may be there, and would be paid twice."""
    for lease in leases():
        if lease.job == job and lease.provider == provider.name and lease.address is None:
            with lease.held() as free:
                if not free:
                    raise InputError("another rook-bench is renting a machine for this job", where=lease.name)
                _end(provider, lease, say)


@contextmanager
def looked_after(record: JobRecord, say: Callable[[str], None]) -> Iterator[Ssh]:
    """The way to the box of a job that was started; a rented one is looked after, and ends with the block.

    Raises:
        InputError: where the machine that was rented is gone.
    """
    if record.provider == "host":
        yield record.ssh
        return
    lease = next((one for one in leases() if one.job == record.job and one.provider == record.provider), None)
    if lease is None:
        what = "the machine that was rented for it is gone"
        raise InputError(what, where=f"job {record.job}", hint="rent another with the same remote train")
    with guarded(provider_of(record.provider), lease, say):
        yield record.ssh


@dataclass
class Guarded:
    """A lease while somebody looks after it."""

    lease: Lease
    asked: bool = True
    """Whether a machine was asked for; before that there is nothing to end."""


@contextmanager
def guarded(provider: Provider, lease: Lease, say: Callable[[str], None]) -> Iterator[Guarded]:
    """Look after a lease; it ends with the block, however that ends, or stays as long as it was asked to.

    Raises:
        InputError: where somebody looks after it already.
        StillBilled: where it can't be ended.
    """
    with lease.held() as free:
        if not free:
            raise InputError("another rook-bench looks after this machine", where=lease.name)
        with hearing_hang_ups(), _watchdog(lease):
            at, done = Guarded(lease), False
            try:
                yield at
                done = True
            finally:
                keep = None if done or at.lease.address is None else at.lease.keep_until
                if not at.asked:
                    at.lease.kept(state="ended")
                elif keep is not None and keep > time.time():
                    until = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(keep))
                    say(f"{lease.name} is left running until {until}, as asked; rook-bench remote reap --all ends it")
                else:
                    _end(provider, at.lease, say)


def _end(provider: Provider, lease: Lease, say: Callable[[str], None]) -> None:
    """End it, whatever else is going on: a second Ctrl-C does not stop this."""
    with _deaf():
        say(f"ending {lease.name}")
        end_all(provider, lease)
        say("ended: nothing of it is billed any more")


def _agreed(provider: Provider, wish: Wish, max_usd: float | None, say: Callable[[str], None]) -> tuple[Decimal, Wish]:
    """The price an hour, where all of it is within what was agreed to, and what exactly has this price."""
    if max_usd is not None and not 0 <= max_usd < math.inf:
        raise InputError(f"{max_usd:g} USD", where="--max-usd", hint="give what all of it may cost")
    price, exact = provider.price(wish)
    if not price.is_finite() or price < 0:
        raise ProviderTrouble(f"a price of {price}", where=provider.name)
    most = price * Decimal(str(wish.hours))
    sum_ = f"{wish.hours:g} hours of {price} USD may cost {most:.2f} USD"
    if max_usd is None:
        raise InputError(sum_, where=provider.name, hint="agree with --max-usd")
    if most > Decimal(str(max_usd)):
        hint = "give fewer --max-hours, or more --max-usd"
        raise InputError(f"{sum_}, more than {max_usd:g}", where=provider.name, hint=hint)
    say(f"{price} USD an hour, {most:.2f} USD at most")
    return price, exact


@contextmanager
def hearing_hang_ups() -> Iterator[None]:
    """A closed terminal ends what is rented too. (SIGTERM does so for every verb.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hang_up(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGHUP)
    if before != signal.SIG_IGN:  # under nohup that is meant
        signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _deaf() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watchdog(lease: Lease) -> Iterator[None]:
    """A process of its own that ends the lease when this one is gone: it holds the other end of a pipe."""
    command = [sys.executable, "-m", "rook_bench.remote.rent.watchdog", str(lease.folder / "lease.json")]
    env = {**os.environ, VARIABLE: str(remote_folder())}  # from its own folder a relative one is another
    with (lease.folder / "watchdog.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd="/", env=env
        )
    assert process.stdin is not None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()  # it looks at the lease, and goes
