"""Who rents machines out: what such a service must be able to do here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from rook_bench.core import InputError
from rook_bench.core.errors import RookError


class ProviderTrouble(RookError):
    """What a provider said no with, in its own words; or that it did not answer."""


WAITS_VARIABLE = "ROOK_BENCH_RENT_WAITS"


@dataclass(frozen=True)
class Waits:
    """How long a provider is waited for.

    Attributes:
        answer_s: seconds for an answer; poll_s: between two looks at the same thing.
        end_s: seconds in which what was asked to end must be gone.
        late_s: seconds in which a machine may still appear whose request was not answered.
    """

    answer_s: float = 30.0
    poll_s: float = 5.0
    end_s: float = 300.0
    late_s: float = 120.0

    @classmethod
    def of_environment(cls) -> Waits:
        """The usual ones, or the four numbers that ROOK_BENCH_RENT_WAITS lists."""
        given = os.environ.get(WAITS_VARIABLE, "").split()
        try:
            return cls(*map(float, given))
        except (TypeError, ValueError):
            what = f"'{' '.join(given)}' is not up to four numbers"
            raise InputError(what, where=WAITS_VARIABLE, hint="seconds for answer, poll, end, late") from None


@dataclass(frozen=True)
class Wish:
    """The machine that is wanted.

    Attributes:
        machine: its kind, in the provider's own word; None for the provider's usual one.
        place: where, in the provider's own word; None for anywhere.
        disk_gb: size of its disk.
        hours: how long at most.
        name: what everything that is billed for it is called.
        user_data: cloud-init for its first boot.
    """

    machine: str | None
    place: str | None
    disk_gb: int
    hours: float
    name: str
    user_data: str


@dataclass(frozen=True)
class Resource:
    """Something that is billed.

    Attributes:
        kind: "machine", "disk" or "address".
        id, name, status: as the provider has them.
        usd_per_hour: None where the provider doesn't say; paid_until: as it says it.
    """

    kind: str
    id: str
    name: str
    status: str
    usd_per_hour: Decimal | None = None
    paid_until: str | None = None

    def __str__(self) -> str:
        paid = f", paid until {self.paid_until}" if self.paid_until else ""
        return f"{self.kind} {self.id} ({self.name}, {self.status}{paid})"


class Provider(Protocol):
    """A service that rents machines out.

    Attributes:
        name: as it is asked for; console: where a person ends things by hand.
        own_host_keys: whether a machine has the host key that we make for it; else it is the user's to know.
    """

    name: str
    console: str
    own_host_keys: bool

    def price(self, wish: Wish) -> tuple[Decimal, Wish]:
        """USD an hour of all that would be billed, and the wish made so exact that this very thing is rented by it.

        Raises:
            ProviderTrouble: where there is no such machine, or its price isn't told.
        """
        ...

    def rent(self, wish: Wish, say: Callable[[str], None]) -> tuple[str, str]:
        """Rent it; user and address, as soon as it has one.

        Raises:
            ProviderTrouble: where it was not rented, or failed to start. What was made until then is found by name.
        """
        ...

    def find(self, name: str | None = None) -> list[Resource]:
        """Everything of that exact name that is billed, or may be soon; of every name of ours where none is given."""
        ...

    def end(self, resource: Resource) -> None:
        """Ask for its end; what is gone already is no trouble."""
        ...


def key_of(variable: str, hint: str) -> str:
    """A key from the environment, the only place that one is taken from."""
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable():
        raise InputError("a key of characters that no key has", where=variable, hint="set it again")
    if not key:
        raise InputError("no key to rent with", where=variable, hint=hint)
    return key
