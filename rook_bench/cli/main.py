"""`rook-bench`: verbs that read like the flow. A verb's module is imported when it is called."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from typing import Any

import typer
import typer.exceptions

from rook_bench.cli.lazy import Quiet, lazy_group, verbs_of
from rook_bench.core import RookError
from rook_bench.core.console import OnStderr, hush, log
from rook_bench.core.garbage import collected_seldom
from rook_bench.core.untrusted import shown

INVALID, INTERRUPTED, PIPE_CLOSED = 3, 130, 141
TRACEBACK_VARIABLE = "ROOK_BENCH_TRACEBACK"

VERBS = verbs_of(
    ("demo", "demo:demo", "The whole path on the sample, from swaps to a verdict."),
    ("init", "init:init", "A new project that works as it is."),
    ("data", "data:app", "Import, fetch, check, simulate and prepare swaps."),
    ("teach", "teach:teach", "Drafts: why each training row has its label, step by step."),
    ("reward", "reward:reward", "What each action would have earned on the training rows."),
    ("train", "train:train", "Fine-tune a base model with LoRA on prepared rows."),
    ("sharing", "sharing:sharing", "One adapter of several pools against one of each."),
    ("adopt", "adopt:adopt", "Take in a model of any trainer: adapter, merged or plain."),
    ("remote", "remote:app", "Train on another machine, and bring the adapter home."),
    ("decide", "decide:decide", "Ask a source once and save its decisions."),
    ("replay", "evaluate:replay", "Replay one source on a tape, with every cost."),
    ("compare", "evaluate:compare", "Several sources on the same rows, in one report."),
    ("sweep", "sweep:sweep", "Many configurations of the same decisions, and the best."),
    ("decisions", "decisions:decisions", "What was asked and said, row by row, and what came of it."),
    ("report", "evaluate:report", "Write a report again, from the run itself."),
    ("view", "view:view", "Look into runs, verdicts and trials in the browser."),
    ("gate", "gate:app", "Judge a candidate: 0 promote, 1 block, 2 inconclusive."),
    ("promote", "promotion:promote", "Make a candidate champion, judged again first."),
    ("live", "live_app:app", "Follow a pool as it trades, in shadow or on paper."),
    ("track", "tracking:track", "Put an output into an experiment tracker (MLflow)."),
    ("push", "push:push", "Share a model and its verdict on the hub."),
    ("history", "history:history", "Who was champion when, and by which verdict."),
    ("verify", "promotion:verify", "Check the promotion record and the trial ledger."),
    ("trials", "trials:app", "Share the trial ledger on a branch: pull, push."),
    ("plugins", "plugins:plugins", "Every plugin, and the plugin files that are broken."),
    ("doctor", "doctor:app", "Facts about this machine, a model or a data folder."),
)
"""The verbs in the order of the flow, each with a line that fits 80 columns."""

app = typer.Typer(
    name="rook-bench",
    cls=lazy_group(VERBS),
    help="Evaluate language models that trade: exact replay, honest judging, a gate for promotion.",
    epilog="Exit codes: 0 done (gate: promote), 1 gate blocked, 2 gate inconclusive, 3 invalid input, 130 interrupted, "
    "141 the reader of our output went away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("rook-bench"))
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
    ),
    quiet: Quiet = False,
) -> None:
    del version, quiet


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with a documented code; a user's mistake never shows a traceback."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    said = OnStderr()
    log.addHandler(said)
    hush(False)
    # What stops a container or a job (SIGTERM) ends as Ctrl-C does: everything is cleaned up.
    stopped = _on_termination(_interrupt)
    try:
        with collected_seldom():
            code = _run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output went away (head, less): never a code of the gate
        return _pipe_closed()
    except SystemExit as stop:
        # Click answers a closed pipe with exit code 1, which a gate's caller reads as BLOCK.
        if isinstance(stop.__context__, BrokenPipeError):
            return _pipe_closed()
        # Nothing here ends by it: something that was loaded wants to give the exit code, which is a verdict's.
        return _say(f"something that was run ended the program (exit {stop.code})", INVALID)
    finally:
        _on_termination(stopped)
        hush(False)
        log.removeHandler(said)


def _on_termination(handler: Any) -> Any:
    """Set what SIGTERM does; what it did before. Only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _run(arguments: list[str] | None) -> int:
    try:
        result: Any = app(args=arguments, prog_name=app.info.name, standalone_mode=False)
        if result == INTERRUPTED:  # typer turns Ctrl-C into this code without a word
            return _interrupted()
        return result if isinstance(result, int) else 0
    except typer.exceptions.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.ctx.get_help())  # type: ignore[attr-defined]
            return 0
        return _say(_usage(error), INVALID)
    except RookError as error:
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno not in DISK or os.environ.get(TRACEBACK_VARIABLE):
            return _defect(error)
        return _say(f"{error.filename or 'output'}: {error.strerror}; nothing half-written is left behind", INVALID)
    except Exception as error:
        return _defect(error)


DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What a full or locked disk says."""


def _defect(error: Exception) -> int:
    """Of ours or of a plugin. Python's own exit code would be 1, which a gate's caller reads as BLOCK."""
    if os.environ.get(TRACEBACK_VARIABLE):
        raise error
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:300]
    where = f"{type(error).__name__} at {last.filename}:{last.lineno}"
    return _say(f"{said or 'no message'} ({where}); set {TRACEBACK_VARIABLE}=1 to see all of it", INVALID)


def _pipe_closed() -> int:
    # Python flushes stdout once more when it ends, and would say so there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _interrupted() -> int:
    return _say("interrupted; nothing half-written is left behind", INTERRUPTED)


def _say(message: str, code: int) -> int:
    typer.echo(f"rook-bench: {shown(message)}", err=True)
    return code


def _usage(error: Exception) -> str:
    """A usage error in one line, with the command whose help tells more."""
    text = " ".join(getattr(error, "format_message", error.__str__)().split())
    context = getattr(error, "ctx", None)
    return f"{text} See {context.command_path} --help" if context is not None else text
