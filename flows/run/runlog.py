"""The log of a run: one JSON object a line, bound to run and step, without secrets, and the way to read it back from the end.

A line is an event as `flows.logs` writes it; the step is left out where a line belongs to the whole run. Logs that were written before are
read as well: `2025-11-15T02:00:01.123Z WARNING load text` with `-` for no step, further lines of a text set in by two spaces.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from flows.logs import SET_IN, Lines

if TYPE_CHECKING:
    from flows.run.job import Job

NO_STEP = "-"
BLOCK = 65_536
LOOK_EVERY = 0.2  # seconds
QUIET = 3  # looks without a new line after which a run that has ended has nothing more to say
FAR = 16 * 1024 * 1024  # bytes that are searched at most for the lines of one step
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z ([A-Z]+) (\S+) (.*)", re.DOTALL)
BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True)
class LogLine:
    """What one line says. `step` is "" for the run as a whole; `text` has line breaks where a trace stands behind what is said. `known`
    is all of it as it was written: tenant, run_id, pipeline_id, step_id, attempt, exception; empty for lines of old logs."""

    at: datetime
    level: str
    step: str
    text: str
    known: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The event as plain data, the same keys for old lines."""
        if self.known:
            return dict(self.known)
        step = {"step_id": self.step} if self.step else {}
        return {"timestamp": f"{self.at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", "level": self.level.lower(), "event": self.text, **step}


@contextmanager
def run_log(job: Job) -> Iterator[logging.Logger]:
    """The log of one run, `$PENSTOCK_HOME/logs/<tenant>/<run_id>.log`, for as long as the run works."""
    job.log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(job.log_file, encoding="utf-8", errors="replace")
    log = logging.getLogger(f"penstock.run.{job.run_id}")
    handler.setFormatter(Lines("json", job.scrub, names_of(job), log.name))
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


def names_of(job: Job) -> dict[str, str]:
    """What every line of a run is bound to."""
    return {"tenant": job.tenant_id, "run_id": job.run_id, "pipeline_id": job.spec.pipeline_id}


def of_step(log: logging.Logger, step_id: str) -> logging.Logger:
    """The logger whose lines belong to this step."""
    return log.getChild(step_id)


def add_line(place: Path, names: Mapping[str, str], level: int, text: str) -> None:
    """Add to the log of a run that has ended what concerns it as a whole; a run that never began has none."""
    if not place.exists():
        return
    handler = logging.FileHandler(place, encoding="utf-8", errors="replace")
    handler.setFormatter(Lines("json", None, names, "penstock.run"))
    try:
        handler.emit(logging.LogRecord("penstock.run", level, "", 0, "%s", (text,), None))
    finally:
        handler.close()


def read_log(place: Path, *, step: str | None = None, limit: int = 2000, end: int | None = None) -> list[LogLine]:
    """The last `limit` lines, of one step (`""`: those of no step) or of all, oldest first; none without a file. `end`: the lines in
    front of this byte only."""
    found: list[LogLine] = []
    try:
        with place.open("rb") as file:
            for text in _backwards(file, end):
                line = _parsed(text)
                if line is not None and (step is None or line.step == step):
                    found.append(line)
                    if len(found) >= limit:
                        break
    except FileNotFoundError:
        return []
    return found[::-1]


def follow_log(place: Path, ended: Callable[[], bool], *, step: str | None = None, limit: int = 2000) -> Iterator[LogLine]:
    """The last lines, and then each one as it comes, until the run has ended and all that it said is told."""
    at = 0
    if place.exists():
        at = place.stat().st_size
        yield from read_log(place, step=step, limit=limit, end=at)
        at = _whole(place, at)
    quiet = 0
    while quiet < QUIET:
        over = ended()
        new = b""
        if place.exists():
            with place.open("rb") as file:
                file.seek(at)
                new = file.read(FAR)
        new = new[:new.rfind(b"\n") + 1]
        at += len(new)
        for raw in new.split(b"\n"):
            line = _parsed(raw.decode(errors="replace"))
            if line is not None and (step is None or line.step == step):
                yield line
        quiet = quiet + 1 if over and not new else 0
        time.sleep(LOOK_EVERY)


def _whole(place: Path, end: int) -> int:
    """Where the line begins that is being written at `end`."""
    with place.open("rb") as file:
        while end > 0:
            size = min(BLOCK, end)
            file.seek(end - size)
            found = file.read(size).rfind(b"\n")
            if found >= 0:
                return end - size + found + 1
            end -= size
    return 0


def _backwards(file: IO[bytes], end: int | None = None) -> Iterator[str]:
    """Each line with its further lines, the last one first. What stands behind the last line break is being written: it waits."""
    end = place = file.seek(0, 2) if end is None else end
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
    if text.startswith("{"):
        return _event(text.partition("\n")[0])
    match = LINE.fullmatch(text)
    if match is None:
        return None
    at, level, step, said = match.groups()
    return LogLine(datetime.fromisoformat(f"{at}+00:00"), level, "" if step == NO_STEP else step, said)


def _event(text: str) -> LogLine | None:
    try:
        known = json.loads(text)
        said = [str(known[name]) for name in ("event", "stack", "exception") if name in known]
        return LogLine(datetime.fromisoformat(known["timestamp"]), str(known["level"]).upper(), str(known.get("step_id", "")),
                       BREAKS.sub("\n", "\n".join(said)), known)
    except (ValueError, KeyError, TypeError):
        return None
