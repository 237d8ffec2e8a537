"""The log of a run: lines that name their time, level and step, without secrets, and the way to read them back from the end.

A line is `2025-11-15T02:00:01.123Z WARNING load text`; the step is `-` where a line belongs to the whole run. What a text has behind its
first line (a trace, a value with line breaks) is set in by two spaces, so that no text can pass for a line of its own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from flows.run.scrub import Scrubber

if TYPE_CHECKING:
    from flows.run.job import Job

NO_STEP = "-"
SET_IN = "  "
BLOCK = 65_536
FAR = 16 * 1024 * 1024  # bytes that are searched at most for the lines of one step
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z ([A-Z]+) (\S+) (.*)", re.DOTALL)
BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True)
class LogLine:
    """What one line says. `step` is "" for the run as a whole; `text` has line breaks when the line has further ones."""

    at: datetime
    level: str
    step: str
    text: str


class RunFormatter(logging.Formatter):
    """Lines that can be read back, scrubbed. A step's logger is `penstock.run.<run id>.<step id>`."""

    def __init__(self, scrub: Scrubber, name: str) -> None:
        super().__init__("%(message)s")
        self.scrub, self.name = scrub, name

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        step = record.name.removeprefix(self.name).removeprefix(".") or NO_STEP
        text = BREAKS.sub("\n" + SET_IN, self.scrub(super().format(record)))
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {record.levelname} {step} {text}"


@contextmanager
def run_log(job: Job) -> Iterator[logging.Logger]:
    """The log of one run, `$PENSTOCK_HOME/logs/<tenant>/<run_id>.log`, for as long as the run works."""
    job.log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(job.log_file, encoding="utf-8", errors="replace")
    log = logging.getLogger(f"penstock.run.{job.run_id}")
    handler.setFormatter(RunFormatter(job.scrub, log.name))
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


def of_step(log: logging.Logger, step_id: str) -> logging.Logger:
    """The logger whose lines belong to this step."""
    return log.getChild(step_id)


def read_log(place: Path, *, step: str | None = None, limit: int = 2000) -> list[LogLine]:
    """The last `limit` lines, of one step (`""`: those of no step) or of all, oldest first; none without a file."""
    found: list[LogLine] = []
    try:
        with place.open("rb") as file:
            for text in _backwards(file):
                line = _parsed(text)
                if line is not None and (step is None or line.step == step):
                    found.append(line)
                    if len(found) >= limit:
                        break
    except FileNotFoundError:
        return []
    return found[::-1]


def _backwards(file: IO[bytes]) -> Iterator[str]:
    """Each line with its further lines, the last one first. What stands behind the last line break is being written: it waits."""
    end = place = file.seek(0, 2)
    whole, start, behind = False, b"", []
    while place > 0 and end - place < FAR:
        size = min(BLOCK, place)
        place -= size
        file.seek(place)
        read = file.read(size) + start
        if not whole:
            whole, read = b"\n" in read, read.rpartition(b"\n")[0]
        lines = read.split(b"\n") if whole else [b""]
        start = lines.pop(0) if place else b""  # the line that begins before this block
        for raw in reversed(lines):
            text = raw.decode(errors="replace")
            if text.startswith(SET_IN):
                behind.append(text[len(SET_IN):])
            else:
                yield "\n".join([text, *reversed(behind)])
                behind.clear()


def _parsed(text: str) -> LogLine | None:
    """None for what is no line of ours, such as one that a lost process left half written."""
    match = LINE.fullmatch(text)
    if match is None:
        return None
    at, level, step, said = match.groups()
    return LogLine(datetime.fromisoformat(f"{at}+00:00"), level, "" if step == NO_STEP else step, said)
