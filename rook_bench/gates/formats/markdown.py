"""What verdicts are made of in Markdown, where names come from files and may hold anything."""

from __future__ import annotations

import re

from rook_bench.core.untrusted import word

MARKS = {
    "pass": "✅",
    "fail": "❌",
    "inconclusive": "❔",
    "invalid": "⛔",
    "waived": "🖊️",
    "skipped": "⚪",
    "info": "📎",
}
WORDS = {
    "PROMOTE": ("✅", "every check passed"),
    "BLOCK": ("❌", "at least one check fails"),
    "INCONCLUSIVE": ("❔", "the evidence does not suffice to decide"),
    "INVALID": ("⛔", "there is nothing that may be judged"),
}
ORDER = ("invalid", "fail", "inconclusive", "waived", "pass", "skipped", "info")


def span(days: float) -> str:
    """A tape's length in words."""
    return f"{days:.1f} days" if days >= 1 else f"{days * 24:.1f} hours"


LONGEST = 2_000
"""Characters of a text from outside: a longer one is cut."""


def cell(text: str) -> str:
    """Text that can't break out of a table cell or be read as markup, calls nobody and links to nothing."""
    escaped = word(text, LONGEST).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    unlinked = re.sub(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)", "\N{ZERO WIDTH SPACE}", escaped)
    return re.sub(r"([\\|_*`\[\]!#~])", r"\\\1", unlinked)


def code(name: str) -> str:
    """A name as code; without what would end it, its line, or a table's cell."""
    plain = (letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name.replace("`", "'"))
    return f"`{word(''.join(plain), LONGEST)}`"
