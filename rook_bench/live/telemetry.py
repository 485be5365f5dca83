"""A session seen from outside: metrics and health on this machine, alerts to one address."""

from __future__ import annotations

import json
import math
import queue
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from rook_bench.core import InputError
from rook_bench.core.console import warn
from rook_bench.live.session import Session
from rook_bench.live.switch import drawdown
from rook_bench.live.wake import Wake

HOST = "127.0.0.1"
WEBHOOK_S = 10.0

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 12.0)
"""Seconds from a head's coming to the last decision: below a block's time on every chain there is."""


@dataclass(frozen=True)
class View:
    """What is shown of a session, copied while it stands still."""

    counts: dict[str, float]
    decisions: dict[tuple[str, str], int]
    orders: dict[tuple[str, str], int]
    equity: dict[str, float]
    drawdown: dict[str, float]
    stages: dict[str, float]
    head: int
    head_seen: float
    killed: str
    killed_why: str


def view_of(session: Session, wake: Wake | None = None) -> View:
    """What there is to show."""
    seen, killed = session.seen, session.switch.thrown
    desks = session.state.desks.values()
    return View(
        counts={
            "blocks": seen.blocks,
            "swaps": seen.swaps,
            "late_swaps": seen.late,
            "forks": seen.forks,
            "node_errors": seen.errors,
            "subscription_cuts": 0 if wake is None else wake.cuts,
        },
        decisions={(name, side): count for name, told in seen.decisions.items() for side, count in told.items()},
        orders={(name, outcome): count for name, told in seen.orders.items() for outcome, count in told.items()},
        equity={desk.name: desk.equity for desk in desks if not math.isnan(desk.equity)},
        drawdown={desk.name: drawdown(desk.equity, desk.peak) for desk in desks if not math.isnan(desk.equity)},
        stages=dict(seen.seconds),
        head=seen.head,
        head_seen=seen.at,
        killed="" if killed is None else killed.reason,
        killed_why="" if killed is None else killed.what,
    )


class Served(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        del format, args


class Telemetry:
    """Metrics at /metrics (Prometheus) and health at /healthz, on 127.0.0.1 alone.

    Attributes:
        port: that it listens on.

    Args:
        port: to listen on, 0 for any.
        silent_s: seconds without a new block after which a session is not healthy.

    Raises:
        InputError: prometheus-client is not installed, or the port is taken.
    """

    def __init__(self, port: int, *, silent_s: float) -> None:
        try:
            from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app
        except ImportError:
            hint = 'pip install "rook-bench[metrics]"'
            raise InputError("metrics need prometheus-client", where="--metrics", hint=hint) from None
        self._view: View | None = None
        self._silent_s = silent_s
        registry = CollectorRegistry()
        registry.register(self)
        text = "From the coming of a block to the last decision on it, where it was decided in time."
        self._work = Histogram("rook_live_work_seconds", text, registry=registry, buckets=BUCKETS)
        self._metrics = make_wsgi_app(registry)
        try:
            self._server = make_server(HOST, port, self._answer, server_class=Served, handler_class=_Quiet)
        except OSError as error:
            what = f"can't listen on {HOST}:{port} ({error.strerror})"
            raise InputError(what, where="--metrics", hint="choose another port") from None
        self.port = int(self._server.server_port)
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def show(self, view: View, worked_s: list[float]) -> None:
        """Show this from now on; `worked_s`: what further blocks took."""
        for seconds in worked_s:
            self._work.observe(seconds)
        self._view = view

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def collect(self) -> Iterator[Any]:
        """What Prometheus is told."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        view = self._view
        if view is None:
            return
        for name, value in view.counts.items():
            yield CounterMetricFamily(f"rook_live_{name}", _TEXTS[name], value=value)
        for name, label, table in (("decisions", "side", view.decisions), ("orders", "outcome", view.orders)):
            family = CounterMetricFamily(f"rook_live_{name}", _TEXTS[name], labels=["source", label])
            for labels, count in table.items():
                family.add_metric(list(labels), count)
            yield family
        tables = (("equity_quote", "source", view.equity), ("drawdown_ratio", "source", view.drawdown))
        for name, label, values in (*tables, ("stage_seconds", "stage", view.stages)):
            gauge = GaugeMetricFamily(f"rook_live_{name}", _TEXTS[name], labels=[label])
            for key, value in values.items():
                gauge.add_metric([key], value)
            yield gauge
        yield GaugeMetricFamily("rook_live_head_block", "Number of the newest block.", value=view.head)
        age = time.monotonic() - view.head_seen
        yield GaugeMetricFamily("rook_live_head_age_seconds", "Since the newest block came.", value=age)
        killed = GaugeMetricFamily(
            "rook_live_killed",
            "1 while the kill switch is thrown, by its reason; 0 while it is not.",
            labels=["reason"],
        )
        killed.add_metric([view.killed or "none"], float(bool(view.killed)))
        yield killed

    def _answer(self, environ: Any, start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        status, told = ("404 Not Found", {"paths": ["/metrics", "/healthz"]}) if path != "/healthz" else self._health()
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]

    def _health(self) -> tuple[str, dict[str, Any]]:
        view = self._view
        if view is None:
            return "503 Service Unavailable", {"status": "starting"}
        age = time.monotonic() - view.head_seen
        status = "killed" if view.killed else "silent" if not age <= self._silent_s else "ok"
        told: dict[str, Any] = {"status": status, "head": view.head}
        told["head_age_s"] = None if math.isnan(age) else round(age, 1)
        if view.killed:
            told |= {"reason": view.killed, "what": view.killed_why}
        return "200 OK" if status == "ok" else "503 Service Unavailable", told


_TEXTS = {
    "blocks": "Blocks that were read.",
    "swaps": "Swaps that were decided on.",
    "late_swaps": "Swaps on which nothing could be traded: before the start, after a gap, too late, or killed.",
    "forks": "How often the chain replaced blocks that were read.",
    "node_errors": "How often the node gave no answer.",
    "subscription_cuts": "How often the subscription to new heads was cut.",
    "decisions": "Decisions by source and side.",
    "orders": "Orders of the ledgers by source and outcome.",
    "equity_quote": "Value of both balances in quote.",
    "drawdown_ratio": "Fall from the highest equity, a fraction.",
    "stage_seconds": "Seconds of the last step, by stage.",
}


class Webhook:
    """Tells one address of what a person should know: JSON with `event`, `what`, `session`, and `text` for a chat.

    Nothing waits for it, and nothing stops where it fails.
    """

    def __init__(self, url: str, session: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError("it is not an http(s) URL", where="--webhook")
        self._url, self._session = url, session
        self._waiting: queue.Queue[bytes | None] = queue.Queue(maxsize=100)
        self._thread = threading.Thread(target=self._send, name="webhook", daemon=True)
        self._thread.start()

    def __call__(self, event: str, what: str) -> None:
        """Send it when there is time."""
        told = {"event": event, "what": what, "session": self._session, "text": f"{self._session}: {event}: {what}"}
        try:
            self._waiting.put_nowait(json.dumps(told).encode())
        except queue.Full:
            warn(f"the webhook is behind: '{event}' was not sent")

    def close(self) -> None:
        """Send what waits, for as long as one request may take."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(WEBHOOK_S)

    def _send(self) -> None:
        while (body := self._waiting.get()) is not None:
            request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
            try:
                urllib.request.urlopen(request, timeout=WEBHOOK_S).close()
            except (OSError, ValueError) as error:
                # Its address may hold a key.
                warn(f"the webhook was not reached ({type(error).__name__})")
