"""Files as sources: a file name, "it" or "the file" in a text is a table like any other; a file that is not there is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from flows.planner.answer import FileSource
from flows.planner.lexicon import Meaning
from flows.planner.read.draft import Draft
from flows.planner.read.text import Mention, P, Text, Unit
from flows.planner.read.words import words

WRITES = words("to into onto as in inside called named write writes writing export exports exporting save saves saving output produce "
               "generate create make store under towards send deliver wait until till once "
               "when for after")
SKIPPED = words("the a an my our your this that file files attached uploaded local data csv excel json parquet spreadsheet")
THING = P(r"(?:(?:all|both|the|this|that|these|those|my|our|attached|uploaded|enclosed|following) )+(?:(?:{K}|json|two|three) )*"
          r"(?:files?|attachments?|uploads?|spreadsheets?|sheets?|workbooks?|documents?)|attached (?:{K}|json)|"
          r"(?:the|this|my) (?:{K}|json)",
          "file|attach|upload|sheet|workbook|document|<k:|json")
IT = P(r"(?:it|this|that|them|these|those)(?= |$)")
MANY = words("them these those all both files attachments uploads spreadsheets sheets workbooks")


def read_files(text: Text, draft: Draft, files: Mapping[str, FileSource]) -> None:
    """Every file that is read becomes a table of the text; what names none but means one does, too."""
    named = _named(text, files)
    for unit in [u for u in text.units if u.norm.startswith("<f:") and not u.taken]:
        name = text.literal(unit.norm)
        if "://" in name or not _is_read(text, unit):
            continue
        table = next((t for t, f in files.items() if name.lower() in f.names), None)
        if table is not None:
            _mean(text, [unit], table)
            named = True
        else:
            unit.taken = True
            message = f"There is no file {name}. Attach it, or give its path."
            draft.asks.append(("source", message, (unit.start, unit.end), ()))
            named = True
    text.render()
    if files and not named:
        _meant(text, draft, files)


def _named(text: Text, files: Mapping[str, FileSource]) -> bool:
    """Names of files as a person writes them, with blanks and signs: the units under them become one."""
    low, found = text.raw.lower(), False
    for table, file in files.items():
        for name in sorted(file.names, key=len, reverse=True):
            at = low.find(name) if "." in name else -1
            inside = [u for u in text.units if at <= u.start and u.end <= at + len(name) and not u.taken] if at >= 0 else []
            if inside and inside[0].start == at and inside[-1].end == at + len(name) and _is_read(text, inside[0]):
                _mean(text, inside, table)
                found = True
                break
    text.render()
    return found


def _is_read(text: Text, unit: Unit) -> bool:
    """`load x.csv` reads it, `export to x.csv` writes it, `wait for x.csv` does neither."""
    at = text.units.index(unit)
    for other in reversed(text.units[:at]):
        word = other.words or other.norm
        if word in SKIPPED or other.norm.startswith("<k:"):
            continue
        if word in ("and", ",", "&", "plus"):
            continue
        return word not in WRITES
    return True


def _mean(text: Text, units: list[Unit], table: str) -> None:
    """These units name the table of a file."""
    meaning = Meaning("t", table)
    text.mentions.append(Mention(len(text.mentions), units[0].start, units[-1].end, table, (meaning,)))
    units[0].end, units[0].norm, units[0].words = units[-1].end, f"<t--:{len(text.mentions) - 1}>", table
    gone = {id(u) for u in units[1:]}
    text.units = [u for u in text.units if id(u) not in gone]


def _meant(text: Text, draft: Draft, files: Mapping[str, FileSource]) -> None:
    """`load it into ...`, `check the attached file`: the newest file, or all of them; only where the text names no other source."""
    own = set(files)
    tables = [m for m in text.mentions if any(x.table not in own for x in m.of("t")) and not m.of("c")]
    thing = text.first(THING)
    word = next((f for f in text.find(IT) if len(text.norm[: f.match.start()].split()) <= 4), None)
    hit = thing or (word if not tables else None)
    if hit is None:
        bare = not text.mentions and "<d:" in text.norm and len(text.norm.split()) <= 12 and text.norm.split()[0] in WRITES
        if bare:
            draft.tables.append((list(files)[-1], (0, 0), "inferred"))
        return
    wanted = list(files) if set(hit[0].split()) & MANY else list(files)[-1:]
    for table in wanted:
        draft.tables.append((table, hit.span, "text"))
    text.take(hit)
