"""Excel sheets, read in a process of their own that may not eat the machine's memory.

As a program (`python -m flows.engines.sheet`) this file is that process: a JSON request on stdin, an Arrow stream on stdout, an error
as one line on stderr.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel
from flows.errors import DataError, InputError, LimitError
from flows.settings import Limits

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY_BYTES = 2 * 1024**3
PAGE_ROWS = 20_000
WHOLE = 2**53
"""Above this a float no longer tells whole numbers apart."""


def read_sheet(path: str, *, sheet: str | int | None, header: bool, skip_rows: int, limits: Limits, cancel: Cancel) -> pa.Table:
    """One sheet (name, number from 1, or the first) as a table; the schema's metadata holds JSON under `told`: sheet,
    sheets (all names) and notes.

    Empty rows are left out, empty cells are NULL, formulas give the value that was stored with them.
    Raises LimitError (too large when unpacked, too much memory), DataError (no Excel file), InputError (no such sheet), Cancelled.
    """
    import pyarrow as pa

    refuse_bombs(path, limits)
    request = {"path": path, "sheet": sheet, "header": header, "skip_rows": skip_rows, "max_bytes": limits.file_bytes,
               "memory": MEMORY_BYTES}
    env = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen([sys.executable, "-m", "flows.engines.sheet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env) as child:
        off = cancel.on(child.kill)
        try:
            out, err = child.communicate(json.dumps(request).encode())
        finally:
            off()
    cancel.check()
    if child.returncode:
        raise _told(err.decode(errors="replace"), Path(path).name)
    with pa.ipc.open_stream(out) as stream:
        return stream.read_all()


def refuse_bombs(path: str, limits: Limits) -> None:
    """A workbook is a zip: judge what it unpacks to before anything unpacks it. Raises LimitError, DataError."""
    name, size = Path(path).name, Path(path).stat().st_size
    if size > limits.file_bytes:
        raise LimitError(f"{name} is larger than {limits.file_bytes // 1024**2} MiB", fix="Split it")
    if not zipfile.is_zipfile(path):
        return  # the old .xls format is no archive
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(f"{name} is no readable Excel file", fix="Open and save it again, or export it as CSV") from error
    total = sum(member.file_size for member in members)
    if len(members) > 10_000 or total > limits.archive_bytes or total > limits.archive_ratio * max(size, 1):
        allowed = f"{limits.archive_bytes // 1024**2} MiB and {limits.archive_ratio} times"
        raise LimitError(f"{name} would unpack to {total // 1024**2} MiB in {len(members)} parts, {total // max(size, 1)} times its size",
                         fix=f"Allowed are {allowed}; split it or export it as CSV")


def _told(text: str, name: str) -> Exception:
    """The child's last words as an error; a child that died without any ran out of memory."""
    try:
        told = json.loads(text.strip().rsplit("\n", 1)[-1])
        kind, what, fix = told["kind"], told["what"], told["fix"]
    except (ValueError, KeyError, TypeError):
        return LimitError(f"{name} needs more memory than a sheet may use ({MEMORY_BYTES // 1024**2} MiB)",
                          fix="Split it or export it as CSV")
    return {"input": InputError, "limit": LimitError}.get(kind, DataError)(what, fix=fix)


# ------------------------------------------------------------------ the child
def main() -> int:
    """Read the request, write the table. Returns the exit code."""
    import resource

    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
    from python_calamine import CalamineError, CalamineWorkbook

    name = Path(request["path"]).name
    try:
        with CalamineWorkbook.from_path(request["path"]) as book:
            wanted = _sheet_name(book.sheet_names, request["sheet"], name)
            table, notes = _table(book.get_sheet_by_name(wanted).iter_rows(), request)
            told = {"sheet": wanted, "sheets": book.sheet_names, "notes": notes}
    except InputError as error:
        return _say("limit" if isinstance(error, LimitError) else "input", error.what, error.fix)
    except (CalamineError, OSError, ValueError) as error:
        return _say("data", f"{name} is no readable Excel file ({type(error).__name__})", "Open and save it again, or export it as CSV")
    except MemoryError:
        return _say("limit", f"{name} needs more memory than a sheet may use", "Split it or export it as CSV")
    import pyarrow as pa

    table = table.replace_schema_metadata({"told": json.dumps(told)})
    with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as sink:
        sink.write_table(table)
    return 0


def _say(kind: str, what: str, fix: str) -> int:
    sys.stderr.write(json.dumps({"kind": kind, "what": what, "fix": fix}) + "\n")
    return 1


def _sheet_name(names: list[str], wanted: str | int | None, file: str) -> str:
    from flows.spec.suggest import did_you_mean

    if not names:
        raise InputError(f"{file} has no sheets", fix="Open and save it again")
    if isinstance(wanted, int):
        if 1 <= wanted <= len(names):
            return names[wanted - 1]
        raise InputError(f"{file} has {len(names)} sheets, number {wanted} is not among them", fix=f"They are: {', '.join(names)}")
    if wanted is None or wanted in names:
        return wanted or names[0]
    raise InputError(f"{file} has no sheet {wanted!r}", fix=did_you_mean(wanted, names) or f"Its sheets are: {', '.join(names)}")


def _table(rows: Iterator[list[Any]], request: dict[str, Any]) -> tuple[pa.Table, list[str]]:
    from flows.engines.rows import Rows

    for _ in range(request["skip_rows"]):
        next(rows, None)
    first = next(rows, [])
    names, notes = _header(first) if request["header"] else ([f"column_{n}" for n in range(1, len(first) + 1)], [])
    found, page = Rows(request["max_bytes"], names), []
    for cells in rows if request["header"] else chain([first], rows):
        if any(cell != "" and cell is not None for cell in cells):
            page.append(_record(names, cells))
        if len(page) >= PAGE_ROWS:
            found.add(page)
            page = []
    found.add(page)
    return found.table(), notes


def _header(cells: list[Any]) -> tuple[list[str], list[str]]:
    """Column names of the first row: empty ones are numbered, the second of two equal ones gets a 2."""
    names: list[str] = []
    notes: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = str(_cell(cell) if cell not in ("", None) else f"column_{number}").strip() or f"column_{number}"
        wish, n = name, 1
        while name.casefold() in {other.casefold() for other in names}:
            n += 1
            name = f"{wish}_{n}"
        if name != wish:
            notes.append(f"two columns are named {wish!r}: the one in place {number} is {name!r} here")
        names.append(name)
    return names, notes


def _record(names: list[str], cells: list[Any]) -> dict[str, Any]:
    return {name: _cell(cell) for name, cell in zip(names, cells, strict=False)}


def _cell(value: Any) -> Any:
    """Excel knows only floats: a whole one is a whole number. A length of time is its text."""
    from datetime import timedelta

    if value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return int(value)
    return str(value) if isinstance(value, timedelta) else value


if __name__ == "__main__":
    sys.exit(main())
