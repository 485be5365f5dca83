"""A node over JSON-RPC, asked with bounded patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, NoReturn, TypeVar

import numpy as np

from rook_bench.core import InputError
from rook_bench.ingest.fetch.address import Address
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind, complaint
from rook_bench.ingest.fetch.transport import provider_of

BATCH = 100
TRIES = 8
TRIES_OF_LOGS = 3
LONGEST_WAIT_S = 60.0
LONGEST_ASKED_WAIT_S = 120.0
WORTH_A_REMARK_S = 5.0

_PATIENT = {Kind.TOO_OFTEN, Kind.AWAY, Kind.PASSING, Kind.GARBAGE, Kind.SLOW, Kind.LIMIT}
_SMALLER_HELPS = {Kind.TOO_MUCH, Kind.SLOW, Kind.LIMIT, Kind.PASSING, Kind.GARBAGE, Kind.OTHER}
_HINTS = {
    Kind.ACCESS: "check the key in the URL",
    Kind.PRUNED: "use an archive node, or start at a later block",
    Kind.ABSENT: "use another node",
}
Answer = TypeVar("Answer")


class Node:
    """One endpoint. Waits double with jitter, or last as long as the node asks for.

    Args:
        url: http(s) or ws(s) address, of which a key in it is never shown; or the path of an IPC socket.
        rng: draws the jitter.
        tries: how often one question is asked before giving up.
        first_wait_s: the first wait; it doubles each time, up to a minute.
        timeout_s: how long an answer may take.
        remark: told about waits that a person would notice.

    Raises:
        InputError: web3 is not installed, or the address is none.
    """

    def __init__(
        self,
        url: str,
        rng: np.random.Generator,
        *,
        tries: int = TRIES,
        first_wait_s: float = 0.5,
        timeout_s: float = 60.0,
        remark: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.address = Address(url)
        self._provider: Any = provider_of(self.address, timeout_s)
        self._rng, self._tries, self._first_wait_s, self._remark = rng, tries, first_wait_s, remark
        self._batch = BATCH
        self._has_answered = False

    def ask(self, method: str, *params: Any, expected: Sequence[Kind] = ()) -> Any:
        """The result of one call; null is None.

        Raises:
            Complaint: of a kind in `expected`.
            InputError: another refusal, or no answer within the patience.
        """
        try:
            return self._patiently(lambda: self._single(method, params), dict.fromkeys(_PATIENT, self._tries))
        except Complaint as said:
            if said.kind in expected:
                raise
            raise self._failed(said, method) from None

    def logs(self, query: dict[str, Any], first: int, last: int) -> list[dict[str, Any]]:
        """eth_getLogs of the blocks `first` to `last`.

        Raises:
            Complaint: asking for fewer blocks may help.
            InputError: nothing helps.
        """
        asked = query | {"fromBlock": hex(first), "toBlock": hex(last)}
        # Faults that a large answer may cause are given few tries, then less is asked for.
        tries = {Kind.TOO_OFTEN: self._tries, Kind.AWAY: self._tries}
        tries |= dict.fromkeys((Kind.PASSING, Kind.GARBAGE), min(TRIES_OF_LOGS, self._tries))
        try:
            logs = self._patiently(lambda: self._single("eth_getLogs", [asked]), tries)
        except Complaint as said:
            if said.kind in _SMALLER_HELPS:
                raise
            raise self._failed(said, f"logs of blocks {first} to {last}") from None
        if not isinstance(logs, list) or not all(isinstance(log, dict) for log in logs):
            raise Complaint(Kind.GARBAGE, "eth_getLogs was not answered with a list of logs")
        return logs

    def ask_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of many calls, in batches as large as the node takes."""
        results: list[Any] = []
        while len(results) < len(params):
            part = params[len(results) : len(results) + self._batch]
            if len(part) > 1:
                try:
                    results += self._patiently(
                        partial(self._many, method, part), dict.fromkeys(_PATIENT, TRIES_OF_LOGS)
                    )
                    continue
                except Complaint as said:
                    # A node without batches calls them malformed; one with small batches calls them too large.
                    smaller = said.kind in (Kind.TOO_MUCH, Kind.SLOW, Kind.LIMIT)
                    self._batch = max(1, self._batch // 4) if smaller else 1
            results.append(self.ask(method, *part[0]))
        return results

    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._number("eth_chainId")

    def head(self) -> int:
        """Number of the newest block."""
        return self._number("eth_blockNumber")

    def headers(self, blocks: Sequence[int]) -> list[dict[str, Any] | None]:
        """Headers by number; None where the node knows no such block."""
        return self.ask_many("eth_getBlockByNumber", [(hex(block), False) for block in blocks])

    def _number(self, method: str) -> int:
        answer = self.ask(method)
        try:
            return int(answer, 16)
        except (TypeError, ValueError):
            raise InputError(f"{method} is answered with {answer!r:.40}", where=self.address) from None

    def _single(self, method: str, params: Sequence[Any]) -> Any:
        return _result(self._provider.make_request(method, list(params)))

    def _many(self, method: str, part: Sequence[Sequence[Any]]) -> list[Any]:
        answers = self._provider.make_batch_request([(method, list(each)) for each in part])
        if isinstance(answers, dict):
            _result(answers)
            raise Complaint(Kind.OTHER, "a batch was answered like a single call")
        identities = [answer["id"] for answer in answers]
        if identities != list(range(identities[0], identities[0] + len(part))):
            raise Complaint(Kind.OTHER, "a batch was not answered in full")
        return [_result(answer) for answer in answers]

    def _patiently(self, call: Callable[[], Answer], tries: dict[Kind, int]) -> Answer:
        attempt = 0
        while True:
            try:
                answer = self._once(call)
            except Complaint as said:
                attempt += 1
                if said.kind is Kind.GARBAGE and not self._has_answered:
                    raise InputError(
                        f"not a JSON-RPC endpoint ({said})", where=self.address, hint="check --rpc, its path included"
                    ) from None
                if attempt >= tries.get(said.kind, 0):
                    raise
                self._wait(attempt, said)
            else:
                self._has_answered = True
                return answer

    def _wait(self, attempt: int, said: Complaint) -> None:
        if said.wait_s is not None and said.wait_s > LONGEST_ASKED_WAIT_S:
            raise InputError(
                f"the node asks to wait {said.wait_s:.0f} s ({said})",
                where=self.address,
                hint="run the same command again then, it goes on where it stopped",
            )
        seconds = min(self._first_wait_s * 2 ** (attempt - 1), LONGEST_WAIT_S) * (0.5 + self._rng.random())
        if said.wait_s is not None:
            seconds = said.wait_s + self._first_wait_s * self._rng.random()
        if seconds >= WORTH_A_REMARK_S:
            self._remark(f"{self.address}: waiting {seconds:.0f} s ({said})")
        time.sleep(seconds)

    def _once(self, call: Callable[[], Answer]) -> Answer:
        """Call once; whatever goes wrong becomes a Complaint without the node's address in it."""
        from requests import exceptions

        try:
            return call()
        except Complaint as said:
            self._has_answered |= said.kind is not Kind.GARBAGE
            said.text = self.address.hidden(said.text)
            raise
        except exceptions.HTTPError as error:
            raise self._of_http(error.response) from None
        except exceptions.Timeout:
            raise Complaint(Kind.SLOW, "no answer in time") from None
        except exceptions.SSLError:
            self._unreachable("no secure connection: certificate or protocol are refused")
        except exceptions.JSONDecodeError:
            raise Complaint(Kind.GARBAGE, "the answer is not JSON") from None
        except (exceptions.ConnectionError, exceptions.ChunkedEncodingError, exceptions.ContentDecodingError) as error:
            if not _never_connected(error):
                raise Complaint(Kind.PASSING, "the connection was cut") from None
            if not self._has_answered:
                self._unreachable("no connection")
            raise Complaint(Kind.AWAY, "no connection") from None
        except exceptions.RequestException as error:
            self._unreachable(f"the request can't be made ({type(error).__name__})")
        except TimeoutError:
            raise Complaint(Kind.SLOW, "no answer in time") from None
        except OSError:  # of a socket
            if not self._has_answered:
                self._unreachable("no connection")
            raise Complaint(Kind.AWAY, "no connection") from None
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):  # web3's, of what is not JSON-RPC
            raise Complaint(Kind.GARBAGE, "the answer is not JSON-RPC") from None

    def _of_http(self, response: Any) -> Complaint:
        status = response.status_code
        try:
            error = response.json()["error"]
        except (ValueError, KeyError, TypeError):
            error = f"HTTP {status}"
            if status in (301, 302, 303, 400, 404, 405, 415):
                return Complaint(Kind.GARBAGE, error)
        said = complaint(error, status, _retry_after(response.headers.get("Retry-After")))
        said.text = self.address.hidden(said.text)
        return said

    def _failed(self, said: Complaint, doing: str) -> InputError:
        if said.kind in _PATIENT:
            return InputError(
                f"the node gave no answer in {self._tries} tries ({said})",
                where=self.address,
                hint="run the same command again later, it goes on where it stopped",
            )
        return InputError(f"{doing}: {said.kind} ({said})", where=self.address, hint=_HINTS.get(said.kind))

    def _unreachable(self, what: str) -> NoReturn:
        raise InputError(what, where=self.address, hint="check --rpc, and that the node runs") from None


def _result(answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise Complaint(Kind.GARBAGE, "the answer is not JSON-RPC")
    if answer.get("error") is not None:
        raise complaint(answer["error"])
    if "result" not in answer:
        raise Complaint(Kind.GARBAGE, "the answer has neither result nor error")
    return answer["result"]


def _never_connected(error: Exception) -> bool:
    from urllib3.exceptions import NewConnectionError

    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
