"""The bill: a machine is looked after by who rented it, by a watchdog, and by whoever reaps."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.remote.rent.lease import Lease, leases
from rook_bench.remote.rent.provider import Provider, ProviderTrouble, Resource, Waits, Wish
from rook_bench.remote.ssh import Ssh

BOOT_MARGIN_MIN = 30
"""Minutes after a lease's end at which a machine turns itself off, whoever else is left."""


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
    why, seen = "", False
    while True:
        try:
            left = provider.find(lease.name)
            seen = seen or bool(left)
            why = ""
            for resource in left:
                try:
                    provider.end(resource)
                except ProviderTrouble as trouble:  # a disk ends after its machine: asked again
                    why = str(trouble)
            if not left and (seen or time.monotonic() - begun >= late_s):
                lease.kept(state="ended")
                return
        except ProviderTrouble as trouble:
            why = str(trouble)
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
    else:
        price = _agreed(provider, machine, place, disk_gb, hours, max_usd, say)
        lease = Lease.intend(provider.name, job, hours, keep_hours, str(price))
    with lease.held() as free:
        if not free:
            raise InputError("another rook-bench looks after this machine", where=lease.name)
        with _signals(), _watchdog(lease):
            done = False
            try:
                keys = Keys.of(lease, identity) if provider.own_host_keys else None
                if lease.address is None:
                    wish = Wish(machine, place, disk_gb, hours, lease.name, keys.user_data(hours) if keys else "")
                    user, address = provider.rent(wish, say)
                    lease = lease.kept(state="rented", user=user, address=address)
                host = f"{lease.user}@{lease.address}"
                yield keys.ssh(host, config) if keys else Ssh(host, config, identity), lease
                done = True
            finally:
                keep = lease.keep_until if not done else None
                if keep is not None and keep > time.time() and lease.address is not None:
                    until = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(keep))
                    say(f"{lease.name} is left running until {until}, as asked; rook-bench remote reap --all ends it")
                else:
                    _end(provider, lease, say)


def _end(provider: Provider, lease: Lease, say: Callable[[str], None]) -> None:
    """End it, whatever else is going on: a second Ctrl-C does not stop this."""
    with _deaf():
        say(f"ending {lease.name}")
        end_all(provider, lease)
        say("ended: nothing of it is billed any more")


def _agreed(
    provider: Provider,
    machine: str | None,
    place: str | None,
    disk_gb: int,
    hours: float,
    max_usd: float | None,
    say: Callable[[str], None],
) -> Decimal:
    """The price an hour, where all of it is within what was agreed to."""
    price = provider.price(Wish(machine, place, disk_gb, hours, "", ""))
    most = price * Decimal(str(hours))
    if max_usd is None:
        raise InputError(
            f"{hours:g} hours of {price} USD may cost {most:.2f} USD", where=provider.name, hint="agree with --max-usd"
        )
    if not price >= 0 or most > Decimal(str(max_usd)):
        what = f"{hours:g} hours of {price} USD may cost {most:.2f} USD, more than {max_usd:g}"
        raise InputError(what, where=provider.name, hint="give fewer --max-hours, or more --max-usd")
    say(f"{price} USD an hour, {most:.2f} USD at most")
    return price


@contextmanager
def _signals() -> Iterator[None]:
    """A closed terminal ends what is rented too. (SIGTERM does so for every verb.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hang_up(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGHUP, hang_up)
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
    with (lease.folder / "watchdog.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    assert process.stdin is not None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()  # it looks at the lease, and goes


def public_key(private: Path) -> str:
    """The public key of a private one, from the file beside it or worked out."""
    beside = private.with_name(f"{private.name}.pub")
    if beside.is_file():
        text = beside.read_text(encoding="utf-8")
    else:
        command = ["ssh-keygen", "-y", "-P", "", "-f", str(private)]
        told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise InputError("no private key without a passphrase", where=private, hint="put its .pub beside it")
        text = told.stdout
    return " ".join(text.split()[:2])


class Keys:
    """Keys of one machine: ours to log in with, and its own, which is made here so that it is known beforehand.

    Its own goes with what it does at its first boot, which the provider sees; it is of no other machine, and is thrown
    away with this one.
    """

    def __init__(self, lease: Lease, identity: Path | None) -> None:
        self.folder = lease.folder
        self.identity = identity or self.folder / "login"
        self.host = self.folder / "host"

    @classmethod
    def of(cls, lease: Lease, identity: Path | None) -> Keys:
        """The keys of a lease, made where they are not there yet."""
        keys = cls(lease, identity)
        for path in (keys.host, keys.identity):
            if not path.is_file():
                if path == identity:
                    raise InputError("no such private key", where=path, hint="check the path")
                command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", lease.name, "-f", str(path)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        (keys.folder / "known_hosts").write_text(f"{lease.name} {keys._public(keys.host)}\n", encoding="utf-8")
        return keys

    def _public(self, path: Path) -> str:
        return public_key(path)

    def user_data(self, hours: float) -> str:
        """cloud-init: who may log in, which key the machine has, and when it turns itself off at the latest."""
        private = "".join(f"    {line}\n" for line in self.host.read_text(encoding="utf-8").splitlines())
        minutes = int(hours * 60) + BOOT_MARGIN_MIN
        return (
            "#cloud-config\n"
            "ssh_deletekeys: true\n"
            f"ssh_keys:\n  ed25519_private: |\n{private}  ed25519_public: {self._public(self.host)}\n"
            f"ssh_authorized_keys:\n  - {self._public(self.identity)}\n"
            f"ssh_pwauth: false\nruncmd:\n  - {shlex.join(['shutdown', '-P', f'+{minutes}'])}\n"
        )

    def ssh(self, host: str, config: Path | None) -> Ssh:
        """The way to the machine."""
        return Ssh(host, config, self.identity, self.folder / "known_hosts", self.folder.name)
