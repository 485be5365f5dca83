"""Machines from Hugging Face Jobs, reached over ssh; the service itself ends a job when its time is over.

By the signatures of huggingface_hub 2.4, whose own code asks the service; what that answers could not be tried.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from rook_bench.core.errors import suggest
from rook_bench.core.untrusted import word
from rook_bench.language.runtime import require_train_extra
from rook_bench.remote.rent.lease import PREFIX
from rook_bench.remote.rent.provider import ProviderTrouble, Resource, Waits, Wish, key_of

KEY, URL = "HF_TOKEN", "HF_ENDPOINT"
IMAGE = "python:3.12"
"""With pip and venv; a job brings its own environment, as to any box."""

USUAL_MACHINE = "cpu-upgrade"
LABEL = "rook-bench"
RUNNING, OVER = "RUNNING", ("COMPLETED", "CANCELED", "ERROR", "DELETED")
LAUNCH_S = 1800.0
PER_HOUR = {"second": 3600, "minute": 60, "hour": 1}


class HfJobs:
    """Hugging Face Jobs, by the token in HF_TOKEN; your public key must be known at the Hub (settings, SSH keys)."""

    name = "hf-jobs"
    console = "https://huggingface.co/settings/jobs"
    own_host_keys = False

    def __init__(self) -> None:
        self.token = key_of(KEY, "make one that may run jobs at https://huggingface.co/settings/tokens")
        require_train_extra()
        from huggingface_hub import HfApi

        self.api = HfApi(endpoint=os.environ.get(URL), token=self.token)
        self.waits = Waits.of_environment()
        with self._words():
            self.owner = str(self.api.whoami()["name"])

    def price(self, wish: Wish) -> tuple[Decimal, Wish]:
        """What an hour of the machine costs."""
        kind = wish.machine or USUAL_MACHINE
        with self._words():
            offered = self.api.list_jobs_hardware()
        found = next((one for one in offered if one.name == kind), None)
        if found is None:
            hint = word(suggest(kind, [one.name for one in offered]), 300)
            raise ProviderTrouble(f"no machine '{kind}' is to be had", where=self.name, hint=hint)
        if found.unit_label not in PER_HOUR:
            raise ProviderTrouble(f"a price by the {word(str(found.unit_label), 20)}", where=self.name)
        price = Decimal(int(found.unit_cost_micro_usd)) * PER_HOUR[found.unit_label] / 1_000_000
        return price, replace(wish, machine=kind)

    def rent(self, wish: Wish, say: Callable[[str], None]) -> tuple[str, str]:
        """Start a job that does nothing by itself, and wait until it can be reached."""
        with self._words():
            made = self.api.run_job(
                image=IMAGE,
                command=["sleep", "infinity"],
                flavor=wish.machine or USUAL_MACHINE,
                timeout=int(wish.hours * 3600),
                name=wish.name,
                labels={LABEL: wish.name},
                ssh=True,
                namespace=self.owner,
            )
        say(f"rented {word(made.id, 60)} ({wish.name})")
        limit, stage = time.monotonic() + LAUNCH_S, ""
        while time.monotonic() < limit:
            with self._words():
                told = self.api.inspect_job(job_id=made.id, namespace=self.owner)
            now = str(told.status.stage)
            if now != stage:
                stage = now
                say(f"the machine is {word(stage, 30)}")
            if stage in OVER:
                why = f": {word(str(told.status.message), 200)}" if told.status.message else ""
                raise ProviderTrouble(f"the machine is {word(stage, 30)}{why}", where=f"{self.name} {made.id}")
            address = urlsplit(told.status.ssh_url or "")
            if stage == RUNNING and address.hostname and address.username:
                return address.username, address.hostname
            time.sleep(self.waits.poll_s)
        raise ProviderTrouble(f"the machine is not ready after {LAUNCH_S:.0f} s", where=f"{self.name} {made.id}")

    def find(self, name: str | None = None) -> list[Resource]:
        """Jobs that are not over, by the label that they were started with."""
        with self._words():
            jobs: list[Any] = list(self.api.list_jobs(namespace=self.owner))
        labelled = [(job, str((job.labels or {}).get(LABEL, ""))) for job in jobs]
        return [
            Resource("machine", job.id, label, word(str(job.status.stage), 30))
            for job, label in labelled
            if job.status.stage not in OVER and (label == name if name else label.startswith(PREFIX))
        ]

    def end(self, resource: Resource) -> None:
        """Cancel a job."""
        from huggingface_hub.errors import HfHubHTTPError

        try:
            with self._words():
                self.api.cancel_job(job_id=resource.id, namespace=self.owner)
        except ProviderTrouble as trouble:
            cause = trouble.__cause__
            if isinstance(cause, HfHubHTTPError) and cause.response is not None and cause.response.status_code == 404:
                return
            raise

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Whatever the client raises, in one line with the server's own words."""
        from huggingface_hub.errors import HfHubHTTPError

        try:
            yield
        except HfHubHTTPError as error:
            said = getattr(error, "server_message", None) or str(error)
            raise ProviderTrouble(word(str(said), 300), where=self.name) from error
        except Exception as error:  # of whatever the client is built on
            what = f"no answer ({type(error).__name__}: {word(str(error), 200)})"
            raise ProviderTrouble(what, where=self.name) from error
