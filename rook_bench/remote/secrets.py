"""Secrets that must not leave this machine in a package."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path

from rook_bench.core import InputError

PATTERNS = {
    "a private key": rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{30,}",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    "a GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20,}",
    "an AWS key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google key": rb"\bAIza[0-9A-Za-z_-]{35}",
    "an OpenAI or Anthropic key": rb"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "a Slack token": rb"\bxox[abposr]-[A-Za-z0-9-]{20,}",
    "a Weights & Biases key": rb"(?i)wandb[_a-z]{0,20}[\"' ]{0,2}[:=][\"' ]{0,2}[0-9a-f]{40}\b",
    "a web token": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a password in an address": rb"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>{}$]{1,100}:[^\s/@\"'<>{}$]{3,200}@[A-Za-z0-9.-]+",
    "a secret by its name": rb"(?i)[\"']?\b[a-z0-9_-]{0,40}(?:api_?key|secret(?:_?key)?|password|passwd|private_?key|"
    rb"access_?token|auth_?token)[\"']?\s{0,4}[:=]\s{0,4}[\"'](?!\s)[^\"'\n]{12,}[\"']",
}
"""What a secret looks like, where it can be told from anything else."""

SECRET_VARIABLE = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY)(_|$)", re.IGNORECASE)
"""Names of environment variables whose values are secrets."""

SHORTEST = 12
"""Characters below which the value of such a variable may well be a word that stands anywhere."""

MOST_SCANNED = 64 * 2**20
"""Bytes of a file that are looked at: of weights that are larger, their header and more."""

_PATTERNS = [(what, re.compile(pattern)) for what, pattern in PATTERNS.items()]


def secret_in(content: bytes) -> str | None:
    """What secret some bytes hold; None where none was found.

    No scan finds every secret. What a package may hold is listed by name; this is the second guard.
    """
    for name, value in os.environ.items():
        if SECRET_VARIABLE.search(name) and len(value) >= SHORTEST and value.encode() in content:
            return f"the value of the environment variable {name}"
    return next((what for what, pattern in _PATTERNS if pattern.search(content)), None)


def _content(path: Path) -> bytes:
    """What is looked at of a file: of one that is packed, what it holds."""
    with path.open("rb") as file:
        content = file.read(MOST_SCANNED)
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.open(path) as packed:
            return content + packed.read(MOST_SCANNED)
    except (OSError, EOFError, zlib.error):
        return content


def check_secrets(files: dict[str, Path]) -> None:
    """InputError where a file, by the name it would have in a package, holds a secret."""
    for name, path in files.items():
        what = secret_in(_content(path))
        if what is not None:
            raise InputError(f"it holds {what}, which would be sent as {name}", where=path, hint="take it out")
