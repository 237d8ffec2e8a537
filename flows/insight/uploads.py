"""Files that people hand over: named safely, told apart by their content, and kept where only their tenant reads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import unicodedata
import uuid
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.errors import InputError, LimitError, UnreachableError
from flows.insight.catalog import Table
from flows.insight.files import uploads
from flows.insight.profile import Profile
from flows.settings import Limits, Settings

NAME_CHARS = 100
KINDS = {"csv": "csv", "tsv": "csv", "txt": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "parquet": "parquet", "pq": "parquet",
         "xlsx": "excel", "xlsm": "excel", "xls": "excel", "xlsb": "excel", "ods": "excel"}
"""What the end of a name promises."""
WORDS = {"csv": "CSV", "json": "JSON", "parquet": "Parquet", "excel": "Excel"}
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\Z")
TAKEN = "Attach a CSV, Excel, JSON or Parquet file"
STRANGERS = ((b"%PDF", "a PDF document"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"),
             (b"SQLite format 3\0", "a SQLite database"), (b"\x7fELF", "a program"), (b"MZ\x90", "a program"),
             (b"7z\xbc\xaf", "an archive"), (b"Rar!", "an archive"), (b"BZh", "an archive"),
             (b"\xfd7zXZ", "an archive"), (b"\x28\xb5\x2f\xfd", "an archive"))
PAGE = re.compile(rb"(?is)^\s*(<!doctype\s+html|<html|<head|<body|<table|<script|<div)")


@dataclass(frozen=True)
class Attached:
    """A file of a person, kept and looked at. Private until a pipeline loads it.

    `name` is the file's own name, for people. `path` is what `source.path` of a step takes. `options` say how the file must be read
    (`encoding`, `sheet`), to stand beside `path` in the source. `table` is the file as the catalogue would hold it.
    """

    name: str
    path: str
    table: Table
    profile: Profile
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> dict[str, Any]:
        """The whole `source` block of a step that reads this file."""
        return {"path": self.path, **self.options}


@dataclass(frozen=True)
class Kept:
    """Where a file is now, and what it is: `kind` is csv, json, parquet or excel, `note` says when the name told otherwise."""

    name: str
    path: Path
    kind: str
    note: str = ""
    new: bool = True

    def discard(self) -> None:
        """Let a file go that nobody could read, unless it was there before."""
        if self.new:
            self.path.unlink(missing_ok=True)
            with suppress(OSError):
                self.path.parent.rmdir()


def keep(settings: Settings, name: str, data: bytes) -> Kept:
    """Keep a file. The same content under the same name is kept once.

    Raises LimitError (too large), InputError (empty, no name, or content that is no table), UnreachableError (cannot be written).
    """
    shown = shown_name(name)
    if len(data) > settings.limits.upload_bytes:
        raise LimitError(f"{shown} is larger than {settings.limits.upload_bytes // 1024**2} MB",
                         fix="Split it, or put it into a folder that PENSTOCK_PATHS names")
    if not data:
        raise InputError(f"{shown} is empty", fix="Check the file: it has no bytes")
    kind, end, note = judged(shown, data, settings.limits)
    safe = safe_name(shown, end)
    folder = uploads(settings.home) / settings.tenant_id / hashlib.sha256(data).hexdigest()[:32]
    path = folder / safe
    new = not path.is_file() or path.stat().st_size != len(data)
    if new:
        _write(path, data, shown)
    return Kept(shown, path, kind, note, new)


def _write(path: Path, data: bytes, shown: str) -> None:
    """The file is there whole or not at all; only this user reads it."""
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        path.parents[2].mkdir(parents=True, exist_ok=True)
        for folder in (path.parents[1], path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise UnreachableError(f"{shown} could not be kept: {error.strerror}",
                               fix="Free some space, or let this user write PENSTOCK_HOME") from None


# ------------------------------------------------------------------ names
def shown_name(name: str) -> str:
    """The last part of a name without control characters, at most 100 characters."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    plain = "".join(c for c in plain if unicodedata.category(c)[0] != "C").strip()
    stem, dot, end = plain.rpartition(".")
    return (f"{stem[:NAME_CHARS - len(end) - 1]}.{end}" if dot and len(end) <= 10 else plain[:NAME_CHARS]) or "file"


def safe_name(shown: str, end: str) -> str:
    """A file name of letters, digits, '_', '-' and '.', never hidden and never reserved, with the given end."""
    stem = unicodedata.normalize("NFKC", shown)
    while _end(stem):
        stem = stem[:-len(_end(stem)) - 1]
    stem = re.sub(r"[^\w-]+", "_", stem).strip("_-") or "file"
    stem = stem.encode()[:120].decode(errors="ignore")
    return f"{'file_' if RESERVED.match(stem) else ''}{stem}.{end}"


def _end(name: str) -> str:
    end = name.rpartition(".")[2].lower() if "." in name else ""
    return end if end in KINDS or end == "gz" else ""


# ------------------------------------------------------------------ content
def judged(shown: str, data: bytes, limits: Limits) -> tuple[str, str, str]:
    """(kind, end of the name, a note when the name said otherwise), by what is in the file. Raises InputError for what is no table."""
    end = _end(shown)
    if data.startswith(b"\x1f\x8b"):
        return _packed(shown, data, limits)
    promised, found = KINDS.get(end, ""), _found(shown, data)
    if found == "text":
        found = _text(shown, data, promised)
    fitting = (_workbook_end(data) or "xls") if found == "excel" else end if found == promised else found
    return found, fitting, "" if found == promised else f"{shown} holds {WORDS[found]} and was read as {WORDS[found]}"


def _found(shown: str, data: bytes) -> str:
    """parquet, excel or text. Raises InputError that says what it is instead."""
    if data.startswith(b"PAR1") and data.endswith(b"PAR1"):
        return "parquet"
    if data.startswith(b"PK\x03\x04"):
        if _workbook_end(data):
            return "excel"
        raise InputError(f"{shown} is an archive (ZIP), not a table", fix="Unpack it and attach the file inside")
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "excel"  # the old .xls; its reader says when it is another Office file
    for start, what in STRANGERS:
        if data.startswith(start):
            raise InputError(f"{shown} is {what}, not a table", fix=TAKEN)
    if PAGE.match(data.removeprefix(b"\xef\xbb\xbf")[:2000]):
        raise InputError(f"{shown} is a web page (HTML), not a table",
                         fix="It is often a sign-in page saved in place of the file: load it again")
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") and b"\0" in data[:65536]:
        raise InputError(f"{shown} holds binary data of an unknown kind", fix=TAKEN)
    return "text"


def _text(shown: str, data: bytes, promised: str) -> str:
    start = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<?xml"):
        raise InputError(f"{shown} is XML, not a table", fix="Export it as CSV or Excel")
    if promised in ("csv", "json"):
        return "json" if promised == "csv" and re.match(rb'(\{\s*"[^"\n]*"\s*:|\[\s*\{\s*")', start) else promised
    if promised:
        raise InputError(f"{shown} is text, not {WORDS[promised]}", fix="Name it .csv if it is a CSV file, and attach it again")
    raise InputError(f"it is not clear what kind of file {shown} is", fix=f"{TAKEN}; name text files .csv or .json")


def _workbook_end(data: bytes) -> str:
    """The end that an Excel file's name should have; '' for an archive that is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and b"spreadsheet" in archive.read("mimetype")[:200]:
                return "ods"
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return ""
    return "xlsb" if "xl/workbook.bin" in names else "xlsx" if "xl/workbook.xml" in names else ""


def _packed(shown: str, data: bytes, limits: Limits) -> tuple[str, str, str]:
    """A CSV file packed with gzip; judged before anybody unpacks it whole."""
    allowed = min(limits.archive_bytes, limits.archive_ratio * len(data))
    start, size = b"", 0
    try:
        with gzip.open(io.BytesIO(data)) as file:
            while piece := file.read(1024 * 1024):
                start, size = start or piece, size + len(piece)
                if size > allowed:
                    raise LimitError(f"{shown} would unpack to more than {allowed // 1024**2} MB", fix="Split it, or attach it unpacked")
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{shown} is a gzip file that cannot be unpacked", fix="Pack it again, or attach it unpacked") from error
    if _found(shown, start) != "text" or _text(shown, start, "csv") != "csv":
        raise InputError(f"{shown} is packed, and only CSV files are read packed", fix="Unpack it and attach the file inside")
    return "csv", "csv.gz", ""


def encoding_of(data: bytes) -> dict[str, str]:
    """`{"encoding": "latin-1"}` for text that is no UTF-8 at all; a few broken bytes in a UTF-8 file are rejected rows instead."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"):
        return {}
    try:
        data.decode("utf-8")
        return {}
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(1 for char in text if char > "\x7f") - broken
    return {"encoding": "latin-1"} if broken > whole else {}
