"""The command line: a verb and its arguments, or overrides that are composed by Hydra."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

from genrun.commands import VERBS
from genrun.core import progress_bar
from genrun.core.errors import STATUS_EXIT_CODES, ConfigError, GenrunError
from genrun.core.process_rank import check_single_process, wait_for_rank_zero
from genrun.core.status import RunStatus

BUG_EXIT_CODE = 70


def main() -> None:
    """The entry point of `genrun` and `python -m genrun`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, _exit_at_once)
    for stream in (sys.stdout, sys.stderr):  # the terminal may lack a character of a name
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    gc.disable()  # until training: imports and composition are a tenth faster without
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _exit_at_once(number: int, frame: object) -> NoReturn:
    """Exits without cleaning up, as an interrupted import leaves modules half initialized."""
    name = signal.Signals(number).name
    if os.environ.get("RANK", "0") == "0":  # only one of several processes prints
        os.write(2, f"genrun: {name}: stopped; nothing was being trained\n".encode())
    os._exit(STATUS_EXIT_CODES[RunStatus.INTERRUPTED])


def run(argv: Sequence[str]) -> int:
    """Runs a command line; prints errors in one line and returns the exit code."""
    from genrun.core.errors import full_errors_requested

    progress_bar.show = _show_progress
    try:
        if argv and argv[0] in VERBS:
            from genrun import commands

            gc.enable()
            if argv[0] != "resume":
                check_single_process(f"genrun {argv[0]}")
            return commands.run(argv[0], argv[1:])
        return _compose_and_run(list(argv))
    except GenrunError as error:
        if full_errors_requested():
            raise
        _print_error(wait_for_rank_zero(error) + str(error))
        return error.exit_code
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return STATUS_EXIT_CODES[RunStatus.INTERRUPTED]
    except Exception as error:
        if full_errors_requested():
            raise
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            _print_error(f"{wait_for_rank_zero()}{error.filename}: the file name is too long")
            return ConfigError.exit_code
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        _print_error(
            f"{wait_for_rank_zero()}a bug: {type(error).__name__}: {error} ({where}); "
            "HYDRA_FULL_ERROR=1 shows everything"
        )
        return BUG_EXIT_CODE


def _compose_and_run(argv: list[str]) -> int:
    from genrun.config.hydra_internals import get_args_parser
    from genrun.config.overrides import check_not_repeated

    if "--version" in argv:
        from importlib.metadata import version

        print(f"genrun {version('genrun')}")
        return 0
    parser = get_args_parser()
    parser.error = _raise_flag_error  # type: ignore[method-assign]  # argparse prints its usage
    arguments = parser.parse_intermixed_args(argv)
    words = arguments.overrides
    check_not_repeated(words)
    if arguments.config_name or arguments.config_path:
        raise ConfigError("--config-name, --config-path: genrun takes --config-dir FOLDER instead")
    if words and "=" not in words[0] and not words[0].startswith(("~", "+")):
        from genrun.core.formatting import did_you_mean

        hint = did_you_mean(words[0], list(VERBS))
        raise ConfigError(f"{words[0]}: is neither KEY=VALUE nor one of {', '.join(VERBS)}{hint}")
    if arguments.help:
        from genrun.config.help import help_text

        print(help_text(words, arguments.config_dir))
        return 0
    shows_only = (
        arguments.hydra_help or arguments.cfg or arguments.info is not None
        or arguments.shell_completion
    )  # fmt: skip
    if shows_only:
        from genrun.commands.train import show_configuration

        flags = [word for word in argv if word not in words]
        return show_configuration(flags, words, arguments.config_dir)
    if arguments.multirun:
        check_single_process("a sweep (-m)")
        from genrun.commands.train import run_sweep

        return run_sweep(words, arguments.config_dir)
    from genrun.commands.train import train

    return train(words, arguments.config_dir)


def _raise_flag_error(message: str) -> NoReturn:
    raise ConfigError(f"{message}; genrun --hydra-help lists the flags")


def _show_progress(title: str, total: int | None) -> AbstractContextManager[progress_bar.Advance]:
    from genrun.terminal.tables import show_progress  # imports rich

    return show_progress(title, total)


def _print_error(text: str) -> None:
    from genrun.terminal.tables import print_error

    print_error(text)
