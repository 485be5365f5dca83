"""A teacher behind an OpenAI-compatible server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import repeat
from typing import Any
from urllib.parse import urlsplit

from rook_bench.core import InputError
from rook_bench.drafts.teacher import Asked, answer_store, longest_of
from rook_bench.language.runtime import require_train_extra
from rook_bench.language.store import AnswerStore

KEYS = ("ROOK_BENCH_TEACHER_KEY", "OPENAI_API_KEY")
"""Environment variables that a key is looked for in. It is never written anywhere."""

AT_ONCE = 8
"""Questions on their way at one time."""

TRIES = 5
TIMEOUT_S = 60.0
FIRST_WAIT_S = 1.0

PASSING = {408, 409, 425, 429, 500, 502, 503, 504}
"""Statuses of servers that may answer later."""


class EndpointTeacher:
    """Asks a server's chat completions, each question once; answers are kept on disk.

    Args:
        url: of the server, up to and with its version ("https://host/v1").
        model: which of its models; the server's own choice by default.
    """

    name, reads = "endpoint", True

    def __init__(self, url: str, model: str | None = None) -> None:
        require_train_extra()
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("not an http(s) address", where="--teacher", hint="write endpoint:https://host/v1")
        if parts.username or parts.password:
            hint = f"put the key into {KEYS[0]}"
            raise InputError("an address with a password in it would be written down", where="--teacher", hint=hint)
        self.url, self.model = url, model
        self.facts: dict[str, Any] = {"host": parts.netloc, "model": model}

    @cached_property
    def _store(self) -> AnswerStore:
        return answer_store(self.name, {**self.facts, "url": self.url})

    @cached_property
    def _client(self) -> Any:
        from huggingface_hub import InferenceClient

        key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
        # Without a key of its own the client would send the one it finds on this machine, which is another server's.
        return InferenceClient(base_url=self.url, api_key=key or "none", timeout=TIMEOUT_S)

    def write(self, asked: Sequence[Asked]) -> Iterator[str | None]:
        """Each answer's first line; None where the server refused to answer."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for start in range(0, len(asked), AT_ONCE):
                batch = asked[start : start + AT_ONCE]
                missing = self._store.missing(one.question for one in batch)
                answers = pool.map(self._ask, missing, repeat(longest_of(batch)))
                self._store.add(dict(zip(missing, answers, strict=True)))
                yield from (self._store[one.question] for one in batch)

    def _ask(self, question: str, longest: int) -> str | None:
        for tried in range(TRIES):
            try:
                said = self._client.chat_completion(
                    [{"role": "user", "content": question}], model=self.model, max_tokens=longest, temperature=0.0
                )
                content = said.choices[0].message.content
                # A refusal has no content, or a field of its own.
                return content.strip().split("\n")[0] if content else None
            except Exception as error:  # the client's, httpx's and a server's that answers with something else
                status = getattr(getattr(error, "response", None), "status_code", None)
                if tried + 1 == TRIES or (status is not None and status not in PASSING):
                    raise self._gone(error, status) from None
                time.sleep(FIRST_WAIT_S * 2**tried)
        raise AssertionError

    def _gone(self, error: Exception, status: int | None) -> InputError:
        if status in (401, 403):
            return InputError(f"it does not let us in ({status})", where=self.facts["host"], hint=f"set {KEYS[0]}")
        what = f"it answers {status}" if status else type(error).__name__
        hint = "run the same command again: what was answered is kept"
        return InputError(f"no answer after {TRIES} tries ({what})" if status in PASSING or not status else what,
                          where=self.facts["host"], hint=hint)  # fmt: skip
