"""`rook-bench`: verbs that read like the flow. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer
import typer.exceptions

from rook_bench.cli import data, demo, doctor, evaluate, gate, inspect, promotion, train
from rook_bench.core import RookError

INVALID, INTERRUPTED = 3, 130
TRACEBACK_VARIABLE = "ROOK_BENCH_TRACEBACK"

app = typer.Typer(
    name="rook-bench",
    help="Evaluate language models that trade: exact replay, honest judging, a gate for promotion.",
    epilog="Exit codes: 0 done (gate: promote), 1 gate blocked, 2 gate inconclusive, 3 invalid input, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo.demo)
app.add_typer(data.app, name="data")
app.command()(train.train)
app.command()(evaluate.decide)
app.command()(evaluate.replay)
app.command()(evaluate.compare)
app.command()(evaluate.report)
app.add_typer(gate.app, name="gate")
app.command()(promotion.promote)
app.command()(promotion.history)
app.command()(promotion.verify)
app.command()(inspect.plugins)
app.add_typer(doctor.app, name="doctor")


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("rook-bench"))
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with a documented code; a user's mistake never shows a traceback."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        result: Any = app(args=arguments, standalone_mode=False)
        if result == INTERRUPTED:  # typer turns Ctrl-C into this code without a word
            return _interrupted()
        return result if isinstance(result, int) else 0
    except typer.exceptions.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help text, printed already
            return 0
        return _say(_usage(error), INVALID)
    except RookError as error:
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:  # the reader of our output went away (head, less)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        # A defect of ours or of a plugin. Python's own exit code would be 1, which a gate's caller reads as BLOCK.
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())[:300]
        where = f"{type(error).__name__} at {last.filename}:{last.lineno}"
        return _say(f"{said or 'no message'} ({where}); set {TRACEBACK_VARIABLE}=1 to see all of it", INVALID)


def _interrupted() -> int:
    return _say("interrupted; nothing half-written is left behind", INTERRUPTED)


def _say(message: str, code: int) -> int:
    typer.echo(f"rook-bench: {message}", err=True)
    return code


def _usage(error: Exception) -> str:
    """A usage error in one line, with the command whose help tells more."""
    text = " ".join(getattr(error, "format_message", error.__str__)().split())
    context = getattr(error, "ctx", None)
    return f"{text} See {context.command_path} --help" if context is not None else text
