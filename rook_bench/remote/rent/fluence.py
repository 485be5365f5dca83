"""Machines from the Fluence marketplace."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from rook_bench.core.errors import suggest
from rook_bench.core.untrusted import word
from rook_bench.remote.rent import fluence_fields as api
from rook_bench.remote.rent.lease import PREFIX
from rook_bench.remote.rent.provider import ProviderTrouble, Resource, Waits, Wish, key_of

KEY, URL = "FLUENCE_API_KEY", "FLUENCE_API_URL"
LAUNCH_S = 900.0
MOST_PAGES = 1000
MOST_ANSWER = 16 * 2**20
TRIES = 4
"""How often a question is asked again that was not answered; a request that rents is never sent twice."""

KINDS = {"machine": api.MACHINES, "disk": api.DISKS, "address": api.ADDRESSES}
"""Machines end first: what is attached to one can't be ended before it."""


class Fluence:
    """Fluence, by its key in FLUENCE_API_KEY (and another address in FLUENCE_API_URL)."""

    name = "fluence"
    console = api.CONSOLE
    own_host_keys = True

    def __init__(self) -> None:
        self.key = key_of(KEY, f"make one with an expiry date at {api.CONSOLE}, and set it in the environment")
        self.url = os.environ.get(URL, api.API).rstrip("/")
        if not self.url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ProviderTrouble("not an address that a key may go to", where=URL, hint="give https://...")
        self.waits = Waits.of_environment()

    def price(self, wish: Wish) -> tuple[Decimal, Wish]:
        """What an hour costs, machine, disk and address together."""
        cluster, configuration = self._place(wish)
        told = self._ask("POST", api.COST, api.cost_request(cluster, configuration, wish.disk_gb), again=True)
        try:
            return Decimal(str(told["totalCost"])), replace(wish, place=cluster, machine=configuration)
        except (KeyError, InvalidOperation):
            raise ProviderTrouble("it does not tell a price", where=self.name) from None

    def rent(self, wish: Wish, say: Callable[[str], None]) -> tuple[str, str]:
        """Rent a machine and wait until it has an address."""
        cluster, configuration = self._place(wish)
        image = self._image()
        if len(wish.user_data.encode()) > api.MOST_USER_DATA:
            raise ProviderTrouble("what is to happen at the first boot is too long", where=self.name)
        body = api.create_machine(
            cluster, configuration, wish.name, str(image["downloadUrl"]), wish.disk_gb, wish.user_data
        )
        made = self._ask("POST", api.MACHINES, body)
        machine = str(made.get("id", ""))
        say(f"rented {word(machine, 60)} ({wish.name})")
        limit = time.monotonic() + LAUNCH_S
        status = ""
        while time.monotonic() < limit:
            query = "?" + urllib.parse.urlencode({"expand[0]": "publicIp"})
            told = self._ask("GET", f"{api.MACHINES}/{urllib.parse.quote(machine, safe='')}{query}")
            now = str(told.get("status"))
            if now != status:
                status = now
                say(f"the machine is {word(status, 30)}")
            if status in api.FAILED:
                raise ProviderTrouble(f"the machine is {word(status, 30)}", where=f"{self.name} {machine}")
            address = ((told.get("expanded") or {}).get("publicIp") or {}).get("address")
            if status == api.READY and isinstance(address, str):
                return word(str(image.get("username") or "root"), 40), address
            time.sleep(self.waits.poll_s)
        raise ProviderTrouble(f"the machine is not ready after {LAUNCH_S:.0f} s", where=f"{self.name} {machine}")

    def find(self, name: str | None = None) -> list[Resource]:
        """Machines, disks and addresses; the API matches names loosely, so that they are compared here."""
        return [
            Resource(
                kind,
                str(item.get("id")),
                str(item.get("name")),
                word(str(item.get("status")), 30),
                _decimal(item.get("priceHourlyUsd")),
                item.get("paidUntil") and word(str(item["paidUntil"]), 40),
            )
            for kind, path in KINDS.items()
            for item in self._all(path)
            if item.get("status") not in api.GONE[path]
            and (str(item.get("name")) == name if name else str(item.get("name")).startswith(PREFIX))
        ]

    def end(self, resource: Resource) -> None:
        """Ask for the end of a machine, a disk or an address."""
        try:
            self._ask("DELETE", f"{KINDS[resource.kind]}/{urllib.parse.quote(resource.id, safe='')}", again=True)
        except _Answered as error:
            if error.status != 404:
                raise

    def _place(self, wish: Wish) -> tuple[str, str]:
        """The cluster and the configuration that a wish means."""
        kind = wish.machine or api.USUAL_MACHINE
        seen: set[str] = set()
        for cluster in self._all(api.CLUSTERS):
            place = str(cluster.get("id"))
            if wish.place and wish.place not in (place, cluster.get("name"), cluster.get("slug")):
                continue
            path = api.RESOURCES.format(cluster=urllib.parse.quote(place, safe=""))
            for offered in self._ask("GET", path).get("availableConfigurations") or ():
                seen |= {str(offered.get("slug"))}
                if kind in (offered.get("slug"), offered.get("id")):
                    return place, str(offered["id"])
        where = f"{self.name}{f' {wish.place}' if wish.place else ''}"
        raise ProviderTrouble(f"no machine '{kind}' is to be had", where=where, hint=word(suggest(kind, seen), 300))

    def _image(self) -> dict[str, Any]:
        images = list(self._all(api.IMAGES))
        found = next((image for image in images if image.get("slug") == api.USUAL_IMAGE), None)
        if found is None or not str(found.get("downloadUrl", "")).startswith("https://"):
            raise ProviderTrouble(f"no image '{api.USUAL_IMAGE}' is to be had", where=self.name)
        return found

    def _all(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        seen: set[str] = set()
        for page in range(1, MOST_PAGES):
            query = urllib.parse.urlencode({"page": page, "perPage": api.PER_PAGE})
            items = self._ask("GET", f"{path}?{query}").get("items")
            new = [item for item in items or () if isinstance(item, dict) and str(item.get("id")) not in seen]
            if not new:  # whatever it says of how many pages there are
                return
            yield from new
            seen |= {str(item.get("id")) for item in new}

    def _ask(self, method: str, path: str, body: object = None, *, again: bool | None = None) -> dict[str, Any]:
        """An answer; asked again where none came and asking twice does no harm."""
        again = method == "GET" if again is None else again
        for attempt in range(TRIES):
            try:
                return self._once(method, path, body)
            except _Answered as error:
                if (error.status < 500 and error.status != 429) or not again or attempt == TRIES - 1:
                    raise
            except ProviderTrouble:
                if not again or attempt == TRIES - 1:
                    raise
            time.sleep(min(self.waits.poll_s, 2.0**attempt))
        raise AssertionError

    def _once(self, method: str, path: str, body: object) -> dict[str, Any]:
        headers = {api.KEY_HEADER: self.key, "Accept": "application/json", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with _OPENER.open(request, timeout=self.waits.answer_s) as answer:
                text = answer.read(MOST_ANSWER)
        except urllib.error.HTTPError as error:
            raise _Answered(error.code, _words(error), self.name) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise ProviderTrouble(f"no answer ({word(str(reason), 100)})", where=self.name) from None
        try:
            told = json.loads(text) if text.strip() else {}
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ProviderTrouble("an answer that is no JSON object", where=f"{self.name} {path}")
        return told


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key goes to the address that it is for, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """None is followed; the answer is then an error like any other."""


_OPENER = urllib.request.build_opener(_NoRedirect)


class _Answered(ProviderTrouble):
    """An answer that says no."""

    def __init__(self, status: int, words: str, where: str) -> None:
        super().__init__(f"{words} (HTTP {status})", where=where)
        self.status = status


def _words(error: urllib.error.HTTPError) -> str:
    """The server's own words."""
    try:
        told = json.loads(error.read(65_536))
        text = ": ".join(str(told[name]) for name in ("code", "error") if told.get(name))
    except (ValueError, OSError, AttributeError, TypeError):
        text = ""
    return word(text or str(error.reason), 300)


def _decimal(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
