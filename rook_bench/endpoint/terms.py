"""How a server is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """How a server is asked.

    Attributes:
        model: its name; api: "chat" or "completions".
        temperature, seed: of the answers; seed None leaves it to the server.
        structured: "none"; "choice", one of the words (vLLM's structured_outputs); "json", the template's JSON Schema.
        logprobs: whether probabilities are asked for.
        concurrency: questions on their way at once; timeout_s: for a whole answer.
    """

    model: str
    api: str
    temperature: float = 0.0
    seed: int | None = None
    structured: str = "none"
    logprobs: bool = True
    concurrency: int = 8
    timeout_s: float = 60.0
