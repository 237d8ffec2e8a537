"""The `penstock` command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from types import TracebackType

import click

from flows.errors import PenstockError, SpecError


def main(args: Sequence[str] | None = None) -> None:
    """Entry point: runs the command and exits 0 done, 1 pipeline or check failed, 2 wrong input, 3 something is not reachable."""
    sys.excepthook = crash
    sys.exit(call(list(sys.argv[1:] if args is None else args)))


def crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody expected: one line with a code for the person, the whole trace under that code in the log."""
    import logging
    import secrets
    import tempfile
    from pathlib import Path

    from flows.logs import LateFile, Lines
    from flows.settings import FORMATS

    code, wanted = secrets.token_hex(3), os.environ.get("PENSTOCK_LOG", "")
    home = Path(os.environ.get("PENSTOCK_HOME") or ".penstock")
    log = (home / "logs" if home.is_dir() else Path(tempfile.gettempdir())) / "penstock-errors.log"
    handler = LateFile(log)
    handler.setFormatter(Lines(wanted if wanted in FORMATS else FORMATS[0]))
    what = ("a fault of Penstock itself, code %s", (code,), (kind, error, trace))
    handler.emit(logging.LogRecord("penstock.cli", logging.ERROR, __file__, 0, *what))
    handler.close()
    complain(f"this is a fault of Penstock itself ({kind.__name__}, code {code}). The details are in {log}", 1)


def call(args: list[str]) -> int:
    """Run one command line and return its exit code; every expected error is one line on stderr."""
    from flows.cli.root import penstock

    try:
        code = penstock.main(args=args, prog_name="penstock", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except click.ClickException as error:
        return complain(_usage(error), 2)
    except SpecError as error:
        for problem in error.problems:
            complain(f"{error.where}: {problem}" if error.where else str(problem), 2)
        return 2
    except PenstockError as error:
        return complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return complain("stopped", 130)
    except (SystemExit, BrokenPipeError):  # a closed pipe is the only thing at which click exits by itself, and with 1
        _drop_output()
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_output()
        return complain(f"{error.filename or 'the output'} cannot be written: {error.strerror}. Make room and start again", 3)
    return code if isinstance(code, int) else 0


def _drop_output() -> None:
    """Nobody can read the output any more: what is left in its buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]


def complain(text: str, code: int) -> int:
    """Print one line on stderr; control characters cannot reach the terminal."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    print(f"penstock: {' '.join(clean.split())}", file=sys.stderr)
    return code


def _usage(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    text = text if text.endswith(("?", ".", "!")) else f"{text}."
    context = getattr(error, "ctx", None)
    return f"{text} See: {context.command_path} --help" if context else text
