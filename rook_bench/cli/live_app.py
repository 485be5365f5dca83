"""The group of `rook-bench live`: a pool to follow, or a verb about a session."""

from __future__ import annotations

from typing import Any

import typer

from rook_bench.cli.lazy import lazy_group, load_verb, verbs_of

VERBS = verbs_of(
    ("follow", "live:follow_pool", "Follow a pool; the word may be left away."),
    ("check", "live_check:check_session", "Hold a session against chain and replay: 0 equal."),
    ("resume", "live_check:resume", "Lift a session's kill switch, and say why."),
    ("files", "live_check:files", "Alert rules, dashboard, service and container file."),
)

_Lazy: Any = lazy_group(VERBS)


class _Group(_Lazy):
    """What is no verb is a pool."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is called, `follow` where none is."""
        if args and args[0] not in self.commands:
            return "follow", load_verb("follow", VERBS["follow"]), args
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Follow a pool on a node: live POOL --rpc URL --source SOURCE --out DIR.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _nothing() -> None:
    pass
