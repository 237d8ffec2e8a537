"""One line for each event of this process, whoever says it: structlog renders it, bound to its run and step, without secrets.

JSON: one object a line; keys timestamp (UTC), level, logger, event, then tenant, run_id, pipeline_id, step_id and attempt where they are
known, what else was said along, and exception (the whole trace). Console, for people: `2025-11-15T02:00:01.123Z WARNING penstock.runner:
text run_id=...`; a trace follows on lines that are set in by two spaces, and no other line begins with a space.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from flows.scrub import MASK, Scrubber, is_secret, learn, learn_environment

if TYPE_CHECKING:
    from structlog.stdlib import ProcessorFormatter

    from flows.settings import Settings

SET_IN = "  "
LONGEST = 100_000  # characters of one text
NAMES = ("tenant", "run_id", "pipeline_id", "step_id", "attempt")
OWN = frozenset({"event", "exception", "exc_info", "stack_info", "_record", "_from_structlog"})
TAKEN = frozenset({"timestamp", "level", "logger", "event", "exception", "stack"})
COMMON = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "_logger", "_name"}
BREAKS = re.compile(r"[\x85\u2028\u2029]")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")  # moves a cursor, turns a text round or ends a line
PLAIN = re.compile(r"[^\s=\"\\]+")

EVERYWHERE = Scrubber()
_bound: ContextVar[Mapping[str, Any]] = ContextVar("penstock_bound", default=MappingProxyType({}))


@contextmanager
def bound(**names: Any) -> Iterator[None]:
    """What is said inside, in this thread or task, has these names along: tenant, run_id, pipeline_id, step_id, attempt."""
    before = _bound.set({**_bound.get(), **names})
    try:
        yield
    finally:
        _bound.reset(before)


def bind(**names: Any) -> None:
    """The same for the rest of this thread or task."""
    _bound.set({**_bound.get(), **names})


class Lines(logging.Formatter):
    """Renders records of any logger, and those of structlog's own, as one event each. `style`: json | console.

    `names` stand in each event; `root` is the logger that they are for: what its children add to its name is their step.
    """

    def __init__(self, style: str, scrub: Scrubber | None = None, names: Mapping[str, Any] | None = None, root: str = "") -> None:
        super().__init__()
        self.style, self.scrub, self.root = style, scrub or EVERYWHERE, root
        self.names = self.scrub.data(names or {})
        self._loggers: dict[str, tuple[str, dict[str, Any]]] = {}

    def format(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, Said | dict):  # a dict is an event of structlog's own
            record.msg, record.args = Said(record.msg, record.args, self.scrub), ()
        return self._renderer.format(record)

    @cached_property
    def _renderer(self) -> ProcessorFormatter:  # structlog takes a tenth of a second to load: only a process that says something does
        from structlog.stdlib import ProcessorFormatter

        steps: list[Any] = [self._told, _json if self.style == "json" else _console]
        return ProcessorFormatter(processors=steps, use_get_message=False)

    def _told(self, _: Any, __: str, event: Any) -> dict[str, Any]:
        """The whole event as plain data. This is the last step before it becomes a text, and everything in it has passed the scrubber."""
        record, scrub, own = event["_record"], self.scrub, event["_from_structlog"]
        said = event["event"] if not own and record.msg.scrub is scrub else scrub(str(event["event"]))
        logger, names = self._who(record.name)
        told = {"timestamp": moment(record.created), "level": record.levelname.lower(), "logger": logger, "event": cut(said)}
        more, known = (event, OWN) if own else (vars(record), COMMON)
        rest = {**_bound.get(), **{name: more[name] for name in more.keys() - known}}
        for name in NAMES:
            value = scrub.data(rest.pop(name)) if name in rest else None
            if name in names or value is not None:
                told[name] = names.get(name, value)
        if rest:
            told |= {f"{name}_" if name in TAKEN else name: value for name, value in scrub.data(rest).items()}
        for name, trace in (("stack", event.get("stack_info")), ("exception", self._trace(event))):
            if trace:
                told[name] = cut(scrub(str(trace)))
        return told

    def _trace(self, event: Mapping[str, Any]) -> str:
        failed = event.get("exc_info")
        return self.formatException(failed) if isinstance(failed, tuple) and failed[0] else str(event.get("exception") or "")

    def _who(self, name: str) -> tuple[str, dict[str, Any]]:
        """The logger and what its name binds; the log of a run has a logger for each step."""
        if name not in self._loggers:
            mine = self.root and (name == self.root or name.startswith(f"{self.root}."))
            step = name[len(self.root) + 1:] if mine else ""
            shown = self.scrub(self.root.rpartition(".")[0] if mine else name)
            self._loggers[name] = shown, {**self.names, **({"step_id": self.scrub(step)} if step else {})}
        return self._loggers[name]


def moment(seconds: float) -> str:
    """A time as every log of ours writes it: UTC, with milliseconds."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


class Said:
    """What a record says, made and scrubbed when it is asked for: an error in it is then the handler's, not the caller's."""

    __slots__ = ("args", "msg", "scrub")

    def __init__(self, msg: object, args: Any, scrub: Scrubber) -> None:
        self.msg, self.args, self.scrub = msg, args, scrub

    def __str__(self) -> str:
        return self.scrub(_filled(self.msg, self.args, self.scrub))


def _filled(msg: object, args: Any, scrub: Scrubber) -> str:
    """The text with its values; where a secret's name stands before a value in a mapping, that value is not in it."""
    text = str(msg)
    if not args:
        return text
    if isinstance(args, Mapping):
        values: Any = {name: MASK if is_secret(name) else _safe(value, scrub) for name, value in args.items()}
    else:
        values = tuple([_safe(value, scrub) for value in args])
    try:
        return str(text % values)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        return f"{text} (with {len(args)} values that do not fit)"


def _safe(value: Any, scrub: Scrubber) -> Any:
    return scrub.data(value) if isinstance(value, Mapping | list | tuple | set) else value


def _json(_: Any, __: str, told: dict[str, Any]) -> str:
    text = json.dumps(told, ensure_ascii=False, default=str)
    return BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _console(_: Any, __: str, told: dict[str, Any]) -> str:
    said = [f"{told.pop('timestamp')} {told.pop('level').upper()} {told.pop('logger')}: {escaped(told.pop('event'))}"]
    traces = [told.pop(name) for name in ("stack", "exception") if name in told]
    said += [f"{escaped(str(name))}={_value(value)}" for name, value in told.items()]
    behind = [f"\n{SET_IN}{escaped(line)}" for trace in traces for line in trace.splitlines()]
    return " ".join(said) + "".join(behind)


def _value(value: Any) -> str:
    text = value if isinstance(value, str) and PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False, default=str)
    return escaped(text)


def escaped(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


# ---- the log of a process

class LateFile(logging.FileHandler):
    """A log file that is made, with its folder, when the first line comes: a command that has nothing to say leaves nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True, errors="replace")

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # nobody is to fail because there is no place for what he says
            super().emit(record)


def keep(settings: Settings, *, file: Path | None = None, level: int = logging.INFO) -> None:
    """Send what this process says into that file, or to stderr: warnings of everybody, and `penstock.*` from `level` on, unless
    PENSTOCK_LOG_LEVEL says another one. Can be called again, with another file."""
    learn_environment()
    learn(settings.control_url, settings.prefect_url)
    root = logging.getLogger()
    for old in [each for each in root.handlers if getattr(each, "ours", False) or _on_terminal(each)]:
        root.removeHandler(old)
        if getattr(old, "ours", False):
            old.close()
    handler = LateFile(file) if file else logging.StreamHandler()
    handler.ours = True  # type: ignore[union-attr]
    handler.setFormatter(Lines(settings.log_format))
    if settings.log_level != "DEBUG":
        handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("penstock"))
    root.addHandler(handler)
    logging.getLogger("penstock").setLevel(settings.log_level or level)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells every request, with its address
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not write a trace to the terminal
    _record_scrubbed()
    threading.excepthook = _thread_failed


def own_structlog() -> None:
    """Events of structlog's own loggers go the same way. It is loaded here, which a command that starts quickly does not want."""
    import structlog

    log = structlog.stdlib
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, log.PositionalArgumentsFormatter(), structlog.processors.format_exc_info,
                    log.ProcessorFormatter.wrap_for_formatter],
        logger_factory=log.LoggerFactory(), wrapper_class=log.BoundLogger)


def _record_scrubbed() -> None:
    """Scrub each record where it is made: frameworks have handlers of their own, some made later. What they would write to the terminal
    in their own way goes to the log of this process instead."""
    made = logging.getLogRecordFactory()
    if getattr(made, "scrubs", False):
        return
    scrub, trace = EVERYWHERE, logging.Formatter()

    def record(name: str | None, *args: Any, **options: Any) -> logging.LogRecord:
        new = made(name, *args, **options)
        if not name or name.startswith("penstock.run."):  # an empty one is filled later; that of a run has one handler, which scrubs
            return new
        if not name.startswith("penstock"):
            _adopt(logging.getLogger(name))
        if new.exc_info and new.exc_info[0]:
            new.exc_text = scrub(trace.formatException(new.exc_info))
        if not isinstance(new.msg, dict):  # structlog's own event
            new.msg, new.args = Said(new.msg, new.args, scrub), None
        return new

    record.scrubs = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)


def _adopt(log: logging.Logger | None) -> None:
    while log is not None and log.parent is not None:
        for handler in [each for each in log.handlers if _on_terminal(each)]:
            log.removeHandler(handler)
            log.propagate = True
        log = log.parent


def _on_terminal(handler: logging.Handler) -> bool:
    streams = (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    return isinstance(handler, logging.StreamHandler) and not getattr(handler, "ours", False) and handler.stream in streams


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "?"
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        logging.getLogger("penstock").error("thread %s ended: %s", name, failed.exc_value, exc_info=failed.exc_value)
