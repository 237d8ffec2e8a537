"""Where rows go: a table, a dataset, a file, an engine; how they are written, keyed, partitioned and clustered."""

from __future__ import annotations

from flows.planner.read.draft import Draft, Ref, Said, ref_of
from flows.planner.read.text import Found, P, Text, keep_table

ENGINES = {
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
    "postgres": "postgres",
    "duckdb": "duckdb",
    "gcs": "gcs",
    "s3": "s3",
    "csv": "csv",
    "parquet": "parquet",
    "excel": "excel",
    "json": "json",
}
FILES = {"csv": "csv", "xlsx": "excel", "xls": "excel", "parquet": "parquet", "json": "json", "jsonl": "json"}
INTO = r"(?:to|into|in|inside|onto|as|under|towards)"
LEAD = r"(?:(?:the|a|an|our|my|new|one|another|single|target|final) )*"
THING = (
    r"(?:(?:bigquery|clickhouse|postgres|duckdb|warehouse|target|output|destination|reporting|result|final) )?(?:table|tables|"
    r"view|dataset|relation)"
)
CALLED = r"(?:(?:,|which is|that is|named|called|as|:|to be called) )*"
WRITES = (
    r"(?:write|writes|written|writing|save|saves|saved|saving|store|stored|storing|load|loads|loaded|loading|put|putting|export|"
    r"exported|exporting|output|"
    r"publish|published|copy|copied|land|landing|insert|inserted|send|sent|dump|dumped|deliver|persist|persisted|place|go|goes|"
    r"move|target|destination|result|results|keep)"
)
OBJECT = r"(?: (?:it|them|this|that|these|those|everything|all|the (?:result|results|output|outcome|rows|data|numbers|lot|table)))?"
TABLE = [
    P(source, "<d:")
    for source in (
        rf"(?:{INTO} )?(?P<k>{{K}}) \( (?:table )?(?P<d>{{D}}) \)",
        rf"{INTO} {LEAD}(?P<k>{{K}})(?: {LEAD}{THING})?(?: (?:in|under|as|at|to|into|,|:|called|named))* (?P<d>{{D}})(?: table)?(?: in "
        r"(?P<k2>{K}))?",
        rf"(?:(?:drop|put|throw|dump) (?:it|them|this|these|the (?:results?|rows|data)) )?(?:{INTO}|with) {LEAD}(?:{THING} "
        rf")?{CALLED}(?P<d>{{D}})(?: table| relation)?(?: (?:in|on|of) (?:the )?(?P<k>{{K}}|(?:data "
        r")?warehouse))?",
        rf"(?:{INTO} )?(?:the )?(?:destination|target|output|result)(?: table)?(?: (?:is|should be|:|=|being))* (?P<d>{{D}})",
        r"(?:upsert|merge|append|overwrite|replace|refresh|update|rebuild|fill|populate|build|create|write|output|produce|make|feed|"
        r"materiali[sz]e)(?: (?:the|table|a|new|our|result|results|to|as))* (?P<d>{D})(?: table)?",
        r"(?P<k>{K})(?: table)? (?P<d>{D})",
    )
]
ANY_TABLE = P(r"(?:table )?(?P<d>{D})(?: table)?", "<d:")
DATASET = [
    P(source, "dataset|schema")
    for source in (
        rf"{INTO} {LEAD}(?:(?P<k>{{K}})(?: in)? )?(?:the )?(?:dataset|schema)(?: (?:called|named))? (?P<name>{{W}}|<[^>]*>)",
        rf"{INTO} {LEAD}(?P<name>{{W}}|{{Q}}) (?:dataset|schema)(?: (?:in|of|on) (?:the )?(?P<k>{{K}}|(?:data )?warehouse))?",
    )
]
FILE = P(
    rf"(?:{INTO} |{WRITES}{OBJECT} )?(?:{INTO} )?{LEAD}(?:(?P<k>{{K}}|json|spreadsheet)(?: (?:file|workbook|sheet|spreadsheet|"
    rf"document))?(?: (?:{INTO}|called|named|at|,))* )?(?:file )?(?:(?:called|named) )?(?P<f>{{F}})",
    "<f:",
)
KIND = P(
    rf"(?:{INTO} |(?:save|export|produce|generate|create|output) )(?:{INTO} )?{LEAD}(?P<k>{{K}}|json|spreadsheet|workbook|json "
    r"lines)(?: (?:file|files|workbook|workbooks|sheet|sheets|spreadsheet|format|document|download|table|tables|database|db|"
    r"server|cluster|instance|bucket|warehouse|export|extract|list|report))*"
)
EXPORT = P(r"(?:the |an? )?(?P<k>{K}|json|spreadsheet) (?:export|file|files|report|extract|dump|download)(?: of)?")
WAREHOUSE = P(rf"{INTO} {LEAD}(?:central |company |cloud |analytics )?(?:data )?(?:warehouse|dwh)", "warehouse|dwh")
FOREIGN = P(
    rf"(?:{INTO}|{WRITES})(?: (?:the|a|an|our|my))* (?P<s>google sheets?|google spreadsheets?|gsheets?|sheets|snowflake|"
    r"redshift|databricks|salesforce|hubspot|tableau|power bi|powerbi|looker|airtable|notion|sharepoint|onedrive|google drive|"
    r"dropbox|mongodb|mongo|elasticsearch|elastic|opensearch|redis|cassandra|oracle|sql server|mssql|teradata|sap|dynamodb|"
    r"kafka|pubsub|pub/sub|rabbitmq|azure blob|azure blob storage|synapse|fabric|slack|sftp|ftp|mysql|mariadb|sqlite|hive|"
    r"iceberg|delta lake|athena|xml|pdf|word|powerpoint)(?: (?:file|table|warehouse|sheet|spreadsheet|document|database|"
    r"account|index|topic|dashboard|bucket|folder))?"
)
MODES = [
    (mode, P(source, need))
    for mode, source, need in (
        (
            "merge",
            r"(?:and |then |by |with |in )*(?:an? )?(?:upsert|upserts|upserted|upserting|merge|merges|merged|merging)(?: (?:it|them|"
            r"the (?:rows|data|records|result)|rows|mode|into it|into the table|existing rows|by|changes|new rows))*(?: (?:on|by|via|"
            r"using|keyed on|keyed by|with|matching on|matched on|along|over) (?:the )?(?:primary )?(?:key |keys |column |columns |"
            r"id )?(?:of )?(?P<keys>{C}(?:(?: ,| and| , and) {C}){0,4}))?",
            "upsert|merg",
        ),
        (
            "replace_partition",
            r"(?:and |by |only )*(?:replace|replacing|overwrite|overwriting|rewrite)(?: only)? (?:the |that |only the |"
            r"just the |affected |matching |each |its |day ?|daily |whole )*(?:partition|partitions|slice|day "
            r"partition)(?: (?:of (?:the|that) (?:day|date|run)|only|each time|every time))*",
            "partition|slice",
        ),
        (
            "overwrite",
            r"(?:and |by |with |in |please |always |fully |completely )*(?:an? )?(?:overwrite|overwrites|overwriting|overwritten|"
            r"replace|replaces|replacing|truncate and load|truncate and reload|full refresh|full reload|full load|fully refresh|"
            r"rebuild|rewrite|recreate)(?: (?:the|it|this|that|existing|whole|entire|old|target|destination|full|all|previous|"
            r"current|table|tables|content|contents|data|rows|result|file|completely|entirely|fully|each time|every time|mode|"
            r"what|is|was|there|in|already|everything|any|of))*",
            "over|replac|full|rebuild|rewrite|recreate|truncate",
        ),
        (
            "append",
            r"(?:and |by |only |with |in |just |always |please )*(?:append|appends|appended|appending|add|adding|insert)(?: (?:it|"
            r"them|the|new|only|rows|data|records|result|results|mode|on top|to it|to the table|to the existing|to what is there|"
            r"existing|table|every time|each time|at the end|-|only))*",
            "append|add|insert",
        ),
    )
]
KEYS = P(
    r"(?:and |with |using |on |by )*(?:the |a )?(?:(?:primary |unique |merge |business |natural )?keys?|keyed|matching|match)(?: "
    r"(?:is|are|on|by|being|of|:|=|column|columns))* (?P<keys>{C}(?:(?: ,| and| , and) {C}){0,4})",
    "key|match",
)
INTO_TABLE = P(r"{T}(?: (?:table|data|rows|records))? (?:into|to|onto) (?:the )?(?:table )?{D}")
BY_KEY = P(
    r"(?:on|by|via|using|with|matching|matched|keyed)(?: (?:on|by|the|primary|key|keys|column|columns|its))* (?P<keys>{C}(?:(?: "
    r",| and| , and) {C}){0,4})(?: as(?: the)?(?: primary| merge| unique| natural)? keys?| keys?)?"
)
PART = r"(?:{C}|(?:calendar )?day|month|week|year|hour|date)"
PARTITION = P(
    r"(?:and |with |, |also |which is |please |it |the table |should be |is )*(?:partition|partitions|partitioned|"
    r"partitioning|partition it|partition the table|partition them)(?: (?:should be|is|the table|it|column|key|on|by|per|"
    rf"using|over|with|:|=))* (?:the )?(?P<c>{PART})(?: column)?",
    "partition",
)
DAILY = P(
    r"(?:and |with |, )*(?P<u>daily|monthly|hourly|yearly) partitions?|(?:one|a) partition (?:per|for each|a) (?P<v>day|month|"
    r"hour|year)",
    "partition",
)
CLUSTER = P(
    r"(?:and |with |, |also )*(?:cluster|clusters|clustered|clustering|cluster it)(?: (?:on|by|using|over|:|=))* (?:the "
    r")?(?P<cs>{C}(?:(?: ,| and| , and) {C}){0,3})",
    "cluster",
)
CHANGED = (
    r"(?:incremental|incrementally|only (?:load |copy |take |the )?(?:new|changed|new or changed|new and changed|new and "
    r"updated|updated)(?: (?:rows|records|ones|data))?|delta load)"
)
INCREMENTAL = P(
    rf"(?:and |with |load |using |an? )*{CHANGED}(?: (?:load|loads|loading|copy|sync|extract|read|pull))?(?: (?:the "
    r")?(?P<t>{T}))?(?: (?:on|by|using|via|based on|with|through|since the last run))+ (?:the )?(?P<c>{C})(?: "
    r"column)?(?:(?: ,)?(?: and)?(?: with)?(?: an?)?(?: overlap of| overlap)? (?:(?:look ?back|look - back|overlap) (?:of|"
    r"window of) )?(?P<n>{N})(?: -)? (?P<u>hours?|days?|minutes?)(?: (?:look ?back|look - back|overlap|of lookback|of "
    r"overlap))?)?",
    "incremental|changed|new|updated|delta",
)


def read_writing(text: Text, draft: Draft) -> None:
    """Partition, cluster, keys and mode: before the destination, because they hold words like `by day`."""
    for found in text.find(PARTITION):
        word = found["c"]
        draft.partition.append((ref_of(text, word) if word.startswith("<") else None, found.span))
        text.take(found)
    for found in text.find(DAILY):
        draft.partition.append((None, found.span))
        text.take(found)
    for found in text.find(CLUSTER):
        draft.cluster += _refs(text, found["cs"])
        text.take(found)
    if said := text.first(INCREMENTAL):
        back = Said(f"{int(float(said['n']))}{said['u'][:1]}", said.part("n")) if said["n"] else None
        draft.incremental = (ref_of(text, said["c"]), back, said.span)
        keep_table(text, said)


def read_mode(text: Text, draft: Draft) -> None:
    """append | overwrite | merge | replace_partition, and the keys of a merge."""
    for mode, wanted in MODES:
        for found in text.find(wanted):
            if (draft.mode is not None and draft.mode.value != mode) or _other_sense(text, found, mode) or _denied(text, found):
                continue
            draft.mode = Said(mode, found.span)
            if mode == "merge" and found["keys"]:
                draft.keys += _refs(text, found["keys"])
            text.take(found)
    if said := text.first(KEYS):
        draft.keys += _refs(text, said["keys"])
        text.take(said)


def _denied(text: Text, found: Found) -> bool:
    """`instead of overwriting`, `do not append`."""
    before = text.norm[: found.match.start()].split()[-2:]
    return bool({"not", "never", "without", "instead", "than", "no"} & set(before))


def read_keys(text: Text, draft: Draft) -> None:
    """`upsert ... by customer_id`: the key may stand behind the destination."""
    if draft.mode and draft.mode.value == "merge" and not draft.keys and (found := text.first(BY_KEY)):
        draft.keys += _refs(text, found["keys"])
        text.take(found)


def _other_sense(text: Text, found: Found, mode: str) -> bool:
    """`replace nulls`, `merge orders with customers`, `add a column` are no modes."""
    after = text.norm[found.match.end() : found.match.end() + 40].split()
    word = after[0] if after else ""
    if mode == "merge":
        joins = word[:2] == "<t" and not INTO_TABLE.here(text.norm, found.match.end() + 1)
        return (not found["keys"] and "upsert" not in found[0] and joins) or word in ("together",)
    if mode == "append":
        verb = [w for w in found[0].split() if w in ("add", "adding", "insert")]
        return (bool(verb) and not any(w in found[0] for w in ("rows", "records", "data", "to the", "to it", "on top"))) or word in (
            "column",
            "columns",
        )
    if mode == "overwrite":
        return (
            word in ("null", "nulls", "missing", "empty", "partition", "<")
            or word[:2] == "<c"
            or word[:3] == "<-c"
            or ("with" in after[:2] and word != "with")
        )
    return False


def read_destination(text: Text, draft: Draft) -> None:
    """Engine, table, dataset or file; the first that is said wins, a second one is left for a question."""
    if found := text.first(FOREIGN):
        draft.unsupported = Said(text.raw[slice(*found.part("s"))], found.span)
        text.take(found)
    for wanted in TABLE:
        for found in text.find(wanted):
            if draft.table is None:
                _table(text, draft, found)
    if draft.table is None:
        _bare_table(text, draft)
    for wanted in DATASET:
        if draft.table is None and draft.dataset is None and (found := text.first(wanted)):
            start, end = found.part("name")
            draft.dataset = Said(text.raw[start:end].strip("\"'`"), found.span)
            _engine(text, draft, found, "k")
            text.take(found)
    for found in text.find(FILE):
        name = text.literal(found["f"])
        if _source_file(text, found) or draft.path is not None:
            continue
        draft.path = Said(name, found.span)
        kind = "gcs" if name.startswith("gs://") else "s3" if name.startswith("s3://") else FILES.get(name.rpartition(".")[2].lower(), "")
        if kind:
            draft.engine = Said(kind, found.span)
        text.take(found)
    if draft.table is None and draft.path is None:
        _plain_engine(text, draft)
    elif draft.table is not None and draft.engine is None and draft.unsupported is None and (place := text.first(WAREHOUSE)):
        draft.engine = Said("bigquery", place.span)  # "to the warehouse ... into mart.sales": one place, said twice
        draft.notes.append(("engine", "the warehouse is BigQuery"))
        text.take(place)


def _bare_table(text: Text, draft: Draft) -> None:
    """`..., mart.totals`: one name of a table without a word before it can only be the destination."""
    found = list(text.find(ANY_TABLE))
    before = text.norm[: found[0].match.start()].split()[-1:] if found else []
    apart = not before or before[0] in ",:;.-)" or before[0][0] in "<¦"
    at_end = bool(found) and found[0].match.end() >= len(text.norm) - 3 and before[0] not in ("from", "of", "join", "on")
    if len(found) == 1 and (apart or at_end):
        _table(text, draft, found[0])
        draft.notes.append(("destination.table", f"{text.literal(found[0]['d'])} is where the rows go"))


def _source_file(text: Text, found: Found) -> bool:
    before = text.norm[: found.match.start()].split()[-3:]
    return any(w in ("from", "of", "read", "reading") for w in before) and found[0].split()[0] not in ("to", "into", "as", "in")


def _table(text: Text, draft: Draft, found: Found) -> None:
    name = text.literal(found["d"])
    if draft.engine is None:
        for group in ("k", "k2"):
            if group in found.match.re.groupindex:
                _engine(text, draft, found, group)
    draft.table = Said(name, found.span)
    text.take(found)


def _engine(text: Text, draft: Draft, found: Found, group: str) -> None:
    word = found[group] if group in found.match.re.groupindex else ""
    if word.startswith("<k"):
        kind = _kind(text, word)
        if kind in ENGINES and _writable(text, word):
            draft.engine = Said(ENGINES[kind], found.part(group))
        else:
            draft.unsupported = Said(text.raw[slice(*found.part(group))], found.part(group))


def _kind(text: Text, word: str) -> str:
    name = text.literal(word)
    return text.lexicon.catalog.connections[name].kind


def _writable(text: Text, word: str) -> bool:
    about = text.lexicon.catalog.connections[text.literal(word)]
    return about.supported and about.writable


def _plain_engine(text: Text, draft: Draft) -> None:
    for wanted in (KIND, EXPORT):
        for found in text.find(wanted):
            if draft.engine is not None or draft.unsupported is not None:
                continue
            word = found["k"]
            if not word.startswith("<k"):
                draft.engine = Said("excel" if word in ("spreadsheet", "workbook") else "json", found.span)
            elif _kind(text, word) in ENGINES and _writable(text, word):
                draft.engine = Said(ENGINES[_kind(text, word)], found.span)
            else:
                draft.unsupported = Said(text.raw[slice(*found.part("k"))], found.span)
            text.take(found)
    if draft.engine is None and draft.dataset is None and draft.unsupported is None and (place := text.first(WAREHOUSE)):
        draft.engine = Said("bigquery", place.span)
        draft.notes.append(("engine", "the warehouse is BigQuery"))
        text.take(place)


def _refs(text: Text, words: str) -> list[Ref]:
    return [ref_of(text, w) for w in words.split() if w.startswith("<")]
