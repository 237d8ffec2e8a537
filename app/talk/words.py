"""What Penstock says in a conversation, as markdown in which every piece of data is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.parts.escape import code, plain, quoted
from flows.errors import DuplicateRun, LimitError, PenstockError, SpecError
from flows.show import units
from flows.spec.placeholder import TOKEN, as_text
from flows.spec.words.cron import said_cron

TITLE = 60
NOTHING_RAN = "Nothing has run yet."


class Told(PenstockError):
    """A problem that is already said in markdown."""


def problem(error: PenstockError) -> str:
    """An error in words: what, where, and the way out."""
    if isinstance(error, Told):
        return error.what
    if isinstance(error, DuplicateRun):
        return f"This pipeline is already running as {code(error.run_id)}. Wait for it to finish or stop it first."
    if isinstance(error, SpecError):
        shown = [quoted(_sentence(str(each))) for each in error.problems[:5]]
        return "  \n".join(shown + ([f"And {len(error.problems) - 5} more."] if len(error.problems) > 5 else []))
    limit = isinstance(error, LimitError)  # its words say which limit; the name of the setting is for programs
    what = f"{error.where}: {error.what}" if error.where and not limit else error.what
    return " ".join(quoted(_sentence(part)) for part in (what, error.fix) if part)


def unread(error: PenstockError) -> str:
    """Why a file was not taken, its name first: `**x.csv could not be read as CSV.** Line 3: ... Check the separator.`"""
    head, _, cause = error.what.partition(". ")
    rest = (f"{error.where}: {cause}" if error.where and cause else cause, error.fix)
    return " ".join([f"**{plain(head)}.**", *(quoted(_sentence(part)) for part in rest if part)])


def broke(code_: str) -> str:
    """What a job says that failed by a fault of ours; the log holds the trace under the code."""
    return f"**This turn hit a problem.** Nothing has run. Send it again; if it happens again, report code `{code_}`."


def safe(text: str) -> str:
    """Plain text for markdown: nothing in it formats, names in single quotes or backticks stand as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return quoted(text)
    return "".join(code(part) if n % 2 else _kept(part) for n, part in enumerate(parts))


def title(text: str) -> str:
    """A conversation's title: its first words, as plain text."""
    line = " ".join(text.split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 1].rstrip()}…"


def names(files: Sequence[str]) -> str:
    """File names for a stage: short, plain text."""
    return ", ".join(files) if len(files) < 3 else f"{len(files)} files"


def read_file(name: str, profile: Any) -> str:
    """`Read **x.csv**: 1,204 rows, 6 columns. It is in no table until a pipeline loads it.`"""
    return f"Read **{plain(name)}**: {plain(profile.words)}. It is in no table until a pipeline loads it."


def ideas(turn: Any) -> list[str]:
    """Sentences that a file without words invites: load it, or check it and load it."""
    found = [file for file in turn.files if file.attached is not None][:2]
    said = []
    for file in found:
        table = _table_name(file.name)
        key = next((c.name for c in file.attached.profile.columns if c.name.endswith("_id") or c.name == "id"), "")
        said.append(f"Load {file.name} into mart.{table}")
        if key:
            said.append(f"Load {file.name}, check that {key} is never empty, and write it to mart.{table}")
    return said


def _table_name(name: str) -> str:
    stem = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.rsplit(".", 1)[0].lower()).strip("_")
    return stem if stem and not stem[0].isdigit() else f"t_{stem}" if stem else "rows"


# ---- what a draft is

def when(spec: dict[str, Any]) -> str:
    """The schedule in words, plain: `every day at 02:00 UTC`; `on demand` without one."""
    schedule = spec.get("schedule") or {}
    if schedule.get("interval_seconds"):
        return f"every {units.seconds(schedule['interval_seconds'])}"
    cron = str(schedule.get("cron") or "")
    if not cron:
        return "on demand"
    if "?" in cron:
        return "at a time that is still open"
    said = said_cron(cron) or f"at {cron}"
    return f"{said} {schedule.get('timezone') or 'UTC'}" if any(c.isdigit() for c in said) else said


def reads(spec: dict[str, Any], preview: Any, known: Mapping[str, int]) -> str:
    """What it reads, with the number of rows where the preview or the tables' own counts (`known`, by step id) say it."""
    first = {step["step_id"]: step["source"] for step in spec["steps"] if not step.get("depends_on") and step.get("source")}
    seen = {s.step_id: s.row_count for s in (preview.steps if preview is not None else ()) if s.status == "ok"}
    counts = [known.get(name, seen.get(name)) for name in first]
    named = list(dict.fromkeys(_short(filled(str(source.get("table") or source.get("path") or ""), spec)) for source in first.values()))
    tables = _list([code(name) for name in named if name and name != "?"])
    if counts and None not in counts:
        rows = units.rows(sum(n for n in counts if n is not None))
        return f"It reads {rows} of {tables}" if tables else f"It reads {rows}"
    return f"It reads {tables}" if tables else ""


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def filled(text: str, spec: Mapping[str, Any]) -> str:
    """A text of a spec with the values of its variables; what only a run knows stays as it stands."""
    known = spec.get("variables") or {}
    return TOKEN.sub(lambda found: as_text(known[found[1]]) if found[1] in known else found[0], text)


def writes(spec: dict[str, Any]) -> str:
    """The tables and files it writes."""
    targets = [(step.get("destination") or {}) for step in spec["steps"] if step.get("destination")]
    known = [filled(str(t.get("table") or t.get("path") or "?"), spec) for t in targets]
    named = list(dict.fromkeys(_short(name) for name in known if name != "?"))
    return f"writes {_list([code(name) for name in named])}" if named else ""


def drafted(result: Any, preview: Any, known: Mapping[str, int], price: Any = None) -> str:
    """The reply to a drafted pipeline: name, steps, schedule, rows, tables, price; open questions are told by their cards."""
    spec = result.spec
    steps = units.several(len(spec["steps"]), "step")
    head = f"Here is **{plain(spec.get('name') or spec['pipeline_id'])}**: {steps}, {plain(when(spec))}."
    does = [part for part in (reads(spec, preview, known), writes(spec)) if part]
    if len(does) == 2:
        head += f" {does[0]} and {does[1]}."
    elif does:
        head += f" {does[0] if does[0].startswith('It') else f'It {does[0]}'}."
    if price is not None:
        head += f" {costs(price)}"
    bad = [step for step in (preview.steps if preview is not None else ()) if step.status == "failed"]
    if bad and result.status == "ready":
        head += f"  \nThe preview of {code(bad[0].step_id)} failed: {quoted(_sentence(bad[0].error))}"
    asked = len([q for q in result.questions if q.severity == "block"])
    if asked:
        head += f" {units.several(asked, 'question is', 'questions are')} open."
    return head


def costs(price: Any) -> str:
    """`A production run would scan about 40 MiB, under $0.01; a month of it $0.01.`"""
    if price.complete and not price.bytes:
        return "A production run would scan nothing on BigQuery."
    about = "about" if price.complete else "at least"
    month = f"; a month of it {money(price.usd_a_month)}" if price.usd_a_month is not None else ""
    return f"A production run would scan {about} {units.size(price.bytes)}, {money(price.usd)}{month}."


def money(usd: float) -> str:
    """Dollars in Markdown, where a bare sign would begin a formula."""
    return units.usd(usd).replace("$", "\\$")


def opened(spec: dict[str, Any], version: int | None) -> str:
    """The reply when a stored pipeline is opened."""
    steps = units.several(len(spec["steps"]), "step")
    kept = f", version {version}" if version else ""
    return (f"Opened **{plain(spec.get('name') or spec['pipeline_id'])}**{kept}: {steps}, {plain(when(spec))}. "
            "Ask for a change, or say “run it”.")


def from_template(spec: dict[str, Any], name: str) -> str:
    """The reply when a template is taken."""
    steps = units.several(len(spec["steps"]), "step")
    does = writes(spec)
    return (f"Here is **{plain(spec.get('name') or spec['pipeline_id'])}** from the template {code(name)}: {steps}, {plain(when(spec))}."
            f"{f' It {does}.' if does else ''} Ask for a change, or say “run it”. {NOTHING_RAN}")


def why_not(result: Any) -> str:
    """Why a draft cannot run yet; "" when it can."""
    asked = len([q for q in result.questions if q.severity == "block"])
    if asked:
        return f"Answer {units.several(asked, 'question')} first"
    return "" if result.status == "ready" else "The draft is not complete"


# ---- other answers

def refused(result: Any) -> str:
    """The reply to a wish that would destroy data."""
    causes = " ".join(quoted(_sentence(q.message)) for q in result.questions if q.slot == "refused")
    return f"**I will not write this pipeline.** {causes} Describe what should replace the data instead."


def not_understood(text: str, result: Any) -> bool:
    """Was neither a source nor a target found in a text, and nothing to point at?"""
    if result.status != "needs_input" or not any(q.slot == "source" for q in result.questions):
        return False
    found = [fact for fact in result.facts if fact.source == "text" and fact.span is not None]
    asks = text.rstrip().endswith("?")
    return not found and (asks or not any(q.span for q in result.questions))


def nothing_in(result: Any) -> bool:
    """Is neither known what to read nor where to write? Then it is no description of a pipeline."""
    return {"source", "destination"} <= {q.slot for q in result.questions}


def stays(draft: Any) -> str:
    """The reply to words that say nothing about the draft in the panel."""
    asked = draft.why_not.removesuffix(" first")
    way = f"{asked}, or describe" if asked.startswith("Answer") else "Say what should change, or describe"
    return f"**I could not read that.** **{plain(draft.name)}** stays as it is. {way} the whole pipeline again."


UNDO = re.compile(r"(?:please )?(?:undo|revert|go back|take (?:it|that) back)(?: (?:it|this|that|the (?:last )?(?:change|edit|answer)))?"
                  r"[.!]?", re.I)
YES = re.compile(r"(?:yes|yep|ok|okay|sure|confirm|apply|apply it|do it|go|go ahead|start|start it|yes,? please)[.!]?", re.I)
NO = re.compile(r"(?:no|nope|discard|discard it|cancel|cancel it|cancel that|never ?mind|don't|no,? thanks?)[.!]?", re.I)
TABLE_NAME = re.compile(r"(?:(?:in)?to )?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){1,2}", re.I)
TIME = re.compile(r"(?:at )?(?:\d{1,2}(?::\d\d)? ?(?:am|pm)?|noon|midnight)|(?:every|daily|weekly|monthly|hourly)\b.*", re.I)
READ_AS = {"destination": TABLE_NAME, "schedule": TIME}


def meant(questions: Sequence[Any], text: str) -> tuple[str, str | None, str | None] | None:
    """(question, option, own words) that a text in the chat box answers: the words of an option, a table's name, a time."""
    for question in questions:
        label = next((o.label for o in question.options if o.label.casefold() == text.casefold()), None)
        if label is not None:
            return question.id, label, None
        form = READ_AS.get(question.slot.split(".")[0])
        if form is not None and question.free_text and form.fullmatch(text):
            return question.id, None, text
    return None


def unknown(text: str) -> str:
    """The reply to words that say neither where data comes from nor where it goes."""
    if text.rstrip().endswith("?"):
        return help_()
    return ("**I could not find a source or a target in that.** Say where the data comes from and where it should go, for example "
            "“load orders into mart.orders every day at 2 am”.")


def help_() -> str:
    """What it can do, for a question that is none of its own."""
    return ("I cannot answer that. I draft, check, preview and run pipelines. You can\n"
            "- describe one: “sum the amount of paid orders by day and write it to mart.daily_revenue”\n"
            "- ask for a change: “change it to 3 am”\n"
            "- run it: “run it for 1 to 7 November 2025”\n"
            "- ask about runs: “what failed yesterday?”")


def why_one(found: Sequence[Any]) -> str:
    """Why days do not run side by side, plain: `One day at a time: in 'load', every day replaces the whole of mart.orders.`"""
    causes = [f"in '{each.path.split('.')[1]}', {each.message.rstrip('.')}" if each.path.startswith("steps.") else each.message
              for each in found[:2]]
    return f"One day at a time: {'; '.join(causes)}." if causes else ""


def asking(result: Any) -> str:
    """The reply above the questions of a request about a pipeline that exists."""
    asked = len([q for q in result.questions if q.severity == "block"])
    return "Before that, I need one answer." if asked == 1 else f"Before that, I need {asked} answers."


def _kept(text: str) -> str:
    """Escaped, with the spaces at both ends that stand beside a name."""
    return f"{' ' if text[:1].isspace() else ''}{quoted(text)}{' ' if text.strip() and text[-1:].isspace() else ''}"


def _list(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if not text or text[-1] in ".!?:" else f"{text}."
