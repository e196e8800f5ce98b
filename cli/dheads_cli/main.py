"""The entry point `dheads`: the table of commands, and what becomes of an exception."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import click

from dheads_cli.lazy import LazyCommand, LazyGroup
from dheads_cli.output.console import close_results, complain, describe_bug, silence_stdout
from distortion_heads.errors import DheadsError, InvalidLabelError, UnknownHeadError

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE, EXIT_TERMINATED = 1, 2, 130, 141, 143

THREAD_SECONDS = 1.0
"""How long threads may still run once all is done."""

COMMANDS = {
    "predict": LazyCommand("predict", "Say which distortions pictures have and how strong they are."),
    "sort": LazyCommand("sort", "Copy, link or move pictures with distortions elsewhere."),
    "calibrate": LazyCommand("calibrate", "Make thresholds of your own from clean pictures."),
    "report": LazyCommand("report", "Write one HTML page about pictures and videos."),
    "list": LazyCommand("list_heads", "List the attached heads."),
    "show": LazyCommand("show", "Show the card of one head."),
    "explain": LazyCommand("explain", "Explain a distortion: how it looks, what mends it."),
    "add-head": LazyCommand("add_head", "Train a head for a new distortion and attach it."),
    "remove-head": LazyCommand("remove_head", "Detach a head of your own and delete its file."),
    "synth": LazyCommand("synth", "Distort clean pictures and videos."),
    "plugins": LazyCommand("plugins", "Show which plugins were loaded, and what failed."),
    "compare": LazyCommand("compare", "Say how much pictures differ from their originals."),
    "bench": LazyCommand("bench", "Report accuracy, scalability and speed."),
    "train": LazyCommand("train", "Train the backbone and all heads jointly."),
    "pack": LazyCommand("pack", "Make a pip package of trained heads."),
    "export": LazyCommand("export", "Write backbone and heads as ONNX files."),
    "schema": LazyCommand("schema", "Print the JSON Schema of what dheads writes."),
    "audit": LazyCommand("audit", "Say what is wrong with a labelled dataset."),
    "evaluate": LazyCommand("evaluate", "Train on a part of a labelled dataset and measure on another."),
}

EPILOG = """\b
Examples:
  dheads predict photo.jpg
  dheads predict photos/ --json
  dheads add-head rain --data rainy_and_clean/
"""


def build_cli() -> click.Group:
    """Return a new `dheads` group; plugins are loaded only when it is asked for their commands."""

    @click.group(
        cls=LazyGroup,
        lazy=COMMANDS,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EPILOG,
    )
    @click.option("--no-plugins", is_flag=True, is_eager=True, help="Load no plugin but the built-in one.")
    @click.option("--strict", is_flag=True, is_eager=True, help="Fail if a plugin or a head cannot be used.")
    @click.version_option(package_name="distortion-heads", message="%(prog)s %(version)s")
    @click.help_option("-h", "--help", is_eager=False)  # after --no-plugins, for it lists the plugins' commands
    @click.pass_context
    def dheads(ctx: click.Context, no_plugins: bool, strict: bool) -> None:
        """Say which distortions pictures have and how strong they are."""
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(EXIT_USAGE)

    return dheads


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `dheads` and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 nobody reads on, 143 terminated."""
    _clean_up_when_terminated()
    status = run(sys.argv[1:] if arguments is None else arguments)
    close_results()
    _leave_threads(status)
    sys.exit(status)


def _leave_threads(status: int) -> None:
    """End the program at once if threads might keep it: a plugin's, or after an interrupt our own.

    Those that want to stay get a moment.
    """
    if threading.active_count() == 1:
        return
    from distortion_heads._system.threads import HELPER, still_running
    from distortion_heads.registry.contained import PLUGIN_THREAD

    threads, interrupted = threading.enumerate(), status in (EXIT_INTERRUPTED, EXIT_TERMINATED)
    ours = [thread for thread in threads if interrupted and thread.name.startswith(HELPER)]
    of_plugins = [thread for thread in threads if thread.name.startswith(PLUGIN_THREAD)]
    staying = still_running([thread for thread in of_plugins if not thread.daemon], THREAD_SECONDS)
    for name in dict.fromkeys(thread.name.partition(":")[0] for thread in staying):
        complain(f"warning: {name}: a thread of it still runs, and is ended")
    if of_plugins or still_running(ours, THREAD_SECONDS):
        atexit._run_exitfuncs()
        os._exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit status; errors become one line on stderr."""
    try:
        status = _invoke(list(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except click.ClickException as error:
        return _click_error(error)
    except DheadsError as error:
        complain(f"error: {error}")
        return EXIT_USAGE if isinstance(error, UnknownHeadError | InvalidLabelError) else EXIT_FAILED
    except _Terminated:
        complain("terminated")
        return EXIT_TERMINATED
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        silence_stdout()
        return EXIT_BROKEN_PIPE
    except Exception as error:
        if os.environ.get("DHEADS_DEBUG") == "1":
            raise
        complain(f"error: {describe_bug(error)}")
        return EXIT_FAILED


class _Terminated(KeyboardInterrupt):
    """SIGTERM came: all that is under way is given up as after Ctrl-C."""


def _clean_up_when_terminated() -> None:
    """Let SIGTERM unwind the program, or its processes and what they share would be left to others to clean up."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return

    def terminate(number: int, frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one ends it at once
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)


def _invoke(arguments: list[str]) -> int:
    """Like `click.Command.main`, which would handle interrupts and closed pipes in its own way."""
    try:
        with build_cli().make_context("dheads", arguments) as ctx:
            result = ctx.command.invoke(ctx)
    except click.exceptions.Exit as done:
        return done.exit_code
    return result if isinstance(result, int) else 0


def _click_error(error: click.ClickException) -> int:
    message = error.format_message()
    if "\n" in message:  # a help page
        error.show()
    else:
        ctx = error.ctx if isinstance(error, click.UsageError) else None
        hint = f" (see `{ctx.command_path} --help`)" if ctx else ""
        complain(f"error: {message.rstrip('.')}{hint}")
    return error.exit_code
