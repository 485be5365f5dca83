"""The pages as a web application: it answers its own machine, gives nothing without the key, and only reads."""

from __future__ import annotations

import hmac
import threading
import traceback
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rook_bench.core import InputError
from rook_bench.core.console import warn
from rook_bench.viewer.columns import Reader
from rook_bench.viewer.links import Links
from rook_bench.viewer.orders import csv_of, orders_of
from rook_bench.viewer.outside import Absent
from rook_bench.viewer.pages.adapters import adapter_page, adapters_page
from rook_bench.viewer.pages.compare import compare_page, compared_window
from rook_bench.viewer.pages.desk import Desk, Page
from rook_bench.viewer.pages.ledgers import promotions_page, trials_page
from rook_bench.viewer.pages.row import row_page
from rook_bench.viewer.pages.run import run_page, window_of
from rook_bench.viewer.pages.runs import runs_page
from rook_bench.viewer.pages.verdicts import verdict_page, verdicts_page
from rook_bench.viewer.render import POLICY, assets, render
from rook_bench.viewer.shelf import Library

HOSTS = ["127.0.0.1", "localhost", "[::1]"]
"""Names that a browser on this machine, or behind a tunnel to it, calls us by: another name is another site's trick."""

HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Key:
    """Who may look: whoever opened the printed address once has a cookie, and nobody else.

    Args:
        token: of the printed address; it is good until it is used.
        secret: what the cookie holds from then on.
        cookie: its name, which differs by port, for cookies do not.
    """

    def __init__(self, token: str, secret: str, cookie: str) -> None:
        self.token, self.secret, self.cookie = token, secret, cookie
        self._unused, self._lock = True, threading.Lock()

    def knows(self, request: Request) -> bool:
        """Whether a request carries the cookie."""
        return hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self.secret.encode())

    def takes(self, token: str) -> bool:
        """Whether a token is the right one, and was not used before; it is now."""
        with self._lock:
            good = self._unused and hmac.compare_digest(token.encode(), self.token.encode())
            self._unused = self._unused and not good
            return good


class _Guard:
    """Asks for the key, and sends every answer with the headers that keep it apart from other sites."""

    def __init__(self, app: ASGIApp, key: Key | None) -> None:
        self.app, self.key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        answer = None if self.key is None else self._asks(Request(scope))
        await (self.app if answer is None else answer)(scope, receive, with_headers)

    def _asks(self, request: Request) -> Response | None:
        """What to answer instead of a page; None where the page may be shown."""
        assert self.key is not None
        token, page = request.query_params.get("token"), request.url.path
        if self.key.knows(request):
            return None if token is None else RedirectResponse(page, 303)
        if token is not None and self.key.takes(token):
            answer = RedirectResponse(page, 303)
            answer.set_cookie(self.key.cookie, self.key.secret, max_age=86_400, httponly=True, samesite="strict")
            return answer
        said = "<p>Open the address that rook-bench view printed: it holds the key, and is good for one browser.</p>"
        return HTMLResponse(f"<!DOCTYPE html><title>ROOK Bench</title>{said}", 403)


def make_app(library: Library, key: Key | None) -> ASGIApp:
    """The application over some folders.

    Args:
        library: what is shown.
        key: who may look; None for everybody who reaches it, which tests may.
    """
    desk, one_at_a_time = Desk(library, Reader(), Links()), threading.Lock()

    def answering(make: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            try:
                with one_at_a_time:
                    return make(request)
            except (InputError, HTTPException):
                raise
            except Exception as error:  # a defect of ours: told in the terminal, in a line
                last = traceback.extract_tb(error.__traceback__)[-1]
                said = " ".join(str(error).split())[:200]
                warn(f"{request.url.path}: {type(error).__name__}: {said} ({last.filename}:{last.lineno})")
                return wrong(500, "This went wrong", "What happened stands in the terminal of rook-bench view.")

        return answer

    def page(make: Callable[[Request], Page]) -> Callable[[Request], Response]:
        return answering(lambda request: HTMLResponse(render(make(request), desk.links)))

    def data(make: Callable[[Request], Any]) -> Callable[[Request], Response]:
        return answering(lambda request: JSONResponse(make(request)))

    id_of = lambda request: str(request.path_params["id"])  # noqa: E731
    runs = lambda request: request.query_params.getlist("run")[:20]  # noqa: E731

    def static(request: Request) -> Response:
        found = assets().get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return Response(found[1], media_type=found[0])

    def orders_csv(request: Request) -> Response:
        run = desk.shelf.get("run", id_of(request))
        orders = orders_of(desk.reader, run)
        name = {"Content-Disposition": f'attachment; filename="orders-{run.facts.run_hash[:12]}.csv"'}
        return StreamingResponse(csv_of(orders.table), media_type="text/csv; charset=utf-8", headers=name)

    routes = [
        Route("/", page(lambda request: runs_page(desk, request.query_params))),
        Route("/compare", page(lambda request: compare_page(desk, runs(request), request.query_params))),
        Route("/run/{id}", page(lambda request: run_page(desk, id_of(request), request.query_params))),
        Route(
            "/run/{id}/row/{row:int}", page(lambda request: row_page(desk, id_of(request), request.path_params["row"]))
        ),
        Route("/verdicts", page(lambda request: verdicts_page(desk))),
        Route("/verdict/{id}", page(lambda request: verdict_page(desk, id_of(request)))),
        Route("/trials", page(lambda request: trials_page(desk))),
        Route("/promotions", page(lambda request: promotions_page(desk))),
        Route("/adapters", page(lambda request: adapters_page(desk))),
        Route("/adapter/{id}", page(lambda request: adapter_page(desk, id_of(request)))),
        Route("/api/window/{id}", data(lambda request: window_of(desk, id_of(request), request.query_params))),
        Route("/api/compare", data(lambda request: compared_window(desk, runs(request), request.query_params))),
        Route("/file/{id}/orders.csv", answering(orders_csv)),
        Route("/favicon.ico", lambda request: Response(status_code=204)),
        Route("/static/{name}", static),
    ]

    def wrong(status: int, title: str, said: str) -> Response:
        shown = Page("wrong.html.j2", title, "runs", {"said": said})
        return HTMLResponse(render(shown, desk.links), status)

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = {404: "There is no such page.", 405: "Pages are read, and nothing else."}.get(
            status, "That can't be answered."
        )
        return wrong(status, f"{status}", said)

    async def no_input(request: Request, error: Exception) -> Response:
        return wrong(404 if isinstance(error, Absent) else 422, "This can't be shown", str(error))

    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: refused, InputError: no_input},
        middleware=[Middleware(GZipMiddleware, minimum_size=2_000)],
    )
    return TrustedHostMiddleware(_Guard(app, key), allowed_hosts=HOSTS, www_redirect=False)
