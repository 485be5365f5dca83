"""Keys of a rented machine, and what it does at its first boot."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.remote.rent.lease import Lease
from rook_bench.remote.ssh import Ssh

BOOT_MARGIN_MIN = 30
"""Minutes after a lease's end at which a machine turns itself off, whoever else is left."""


def _keygen(*words: str) -> str:
    """What ssh-keygen prints."""
    try:
        told = subprocess.run(
            ["ssh-keygen", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise InputError("ssh-keygen is not installed here", hint="install OpenSSH's client (openssh-client)") from None
    if told.returncode != 0:
        hint = "a key with a passphrase? put its .pub beside it"
        raise InputError("ssh-keygen can't do with this key", where=words[-1], hint=hint)
    return told.stdout


def public_key(private: Path) -> str:
    """The public key of a private one, from the file beside it or worked out."""
    beside = private.with_name(f"{private.name}.pub")
    if beside.is_file():
        text = beside.read_text(encoding="utf-8", errors="replace")
    else:
        text = _keygen("-y", "-P", "", "-f", str(private))
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
                _keygen("-q", "-t", "ed25519", "-N", "", "-C", lease.name, "-f", str(path))
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
