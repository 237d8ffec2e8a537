"""The owned lists of words: what may be ignored, what moves data, what numbers and negations are called."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """A list of words as a set."""
    return frozenset(text.split())


def _names(table: dict[str, str]) -> dict[str, str]:
    """{name: "its words"} the other way round."""
    return {word: name for name, words in table.items() for word in words.split()}


# Words that carry no fact of their own. Every one is a risk: a test keeps POLARITY and QUANTITY words off this list.
FUNCTION = words("""
of what may be are from that their is a this an the these those it its they them there here i we you he she us me my our your was
were been being am do does did done has have had having can could would will shall might let lets let's i'd i'm i'll we'd we're
we'll it's that's what's there's you'd to in on at for into onto also so now well s please kindly thanks thank hi hello hey dear
pls plz ok okay cheers regards want wants need needs like wish would've help looking which such own go goes going come comes ready
right via
""")

# Joining words: harmless between two things that were read; what they join has to be read, or it is asked about.
GLUE = words("""
and that here should must with as by then which who whose where how when out up over plus &
""")

# Nouns that name a vessel, not its content.
VESSELS = words("""
numbers one things data table tables row rows record records result results output outcome file files pipeline pipelines flow job
task process etl workflow step column columns field fields entry entries information info dataset list report reports contents
number figures database databases db system everything stuff rest remainder remaining version copy content ones team thing value
values dump extract target destination source side
""")

# Verbs (and their forms) that only say that data moves or is worked out.
MOVING = words("""
lists moves import keeps want go goes process list report copy dump extract worked load loads loaded loading copies copied copying
move moved moving sync syncs synced syncing synchronize synchronise synchronized replicate replicates replicated replicating
ingest ingests ingested ingesting imports imported importing export exports exported exporting extracts extracted extracting pull
pulls pulled pulling push pushes pushed pushing fetch fetches fetched fetching get gets getting got take takes taken taking bring
brings brought bringing grab read reads reading transfer transfers transferred transferring transport write writes written writing
save saves saved saving store stores stored storing put puts putting place places persist persisted land landing lands send sends
sent sending deliver delivers delivered delivering dumps dumped dumping publish publishes published ship feed feeds stream streams
create creates created creating build builds built building make makes made making produce produces produced producing generate
generates generated generating compute computes computed computing calculate calculates calculated calculating show shows shown
showing find finds finding found give gives giving given provide provides provided listing collect collects collected collecting
gather gathers gathered run runs running prepare prepares prepared materialize materialise materialized set setup populate
populates populated fill filled refresh refreshes refreshed work works working use uses used using apply applies applied applying
transform transforms transformed transforming transformation transformations processed keep keeping kept start ends end ending
include includes including included happen happens happened see view query select summarize summarise summarizes summary overview
determine retrieve retrieves retrieved obtain backup mirror mirrors mirrored archive archives archived emit hand perform schedule
scheduled
""")

# Turning words: they may never be ignored, only consumed by the reader that acted on them.
POLARITY = words("""
no not only never none neither nor but just except excluding exclude without drop unless before after until till instead rather
ignore skip omit remove minus less fewer more most least other others besides apart although though however if else otherwise
while during since
""")
QUANTITY = words("""
every each both half twice once double many much few several first last next previous per top all bottom
""")

NUMBERS = dict(
    zip(
        (
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ),
        range(20),
        strict=True,
    )
)
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000, "k": 1000, "dozen": 12}
ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "eleventh": 11,
    "twelfth": 12,
    "thirteenth": 13,
    "fourteenth": 14,
    "fifteenth": 15,
}

MONTHS = {
    word: int(n)
    for word, n in _names(
        {
            "1": "january jan",
            "2": "february feb",
            "3": "march mar",
            "4": "april apr",
            "5": "may",
            "6": "june jun",
            "7": "july jul",
            "8": "august aug",
            "9": "september sep sept",
            "10": "october oct",
            "11": "november nov",
            "12": "december dec",
        }
    ).items()
}
DAYS = {
    word: int(n)
    for word, n in _names(
        {
            "0": "sunday sundays sun",
            "1": "monday mondays mon",
            "2": "tuesday tuesdays tue tues",
            "3": "wednesday wednesdays wed",
            "4": "thursday thursdays thu thurs",
            "5": "friday fridays fri",
            "6": "saturday saturdays sat",
        }
    ).items()
}
UNITS = _names(
    {
        "second": "second seconds sec secs s",
        "minute": "minute minutes min mins",
        "hour": "hour hours hr hrs h",
        "day": "day days d",
        "week": "week weeks",
        "month": "month months",
        "quarter": "quarter quarters",
        "year": "year years",
    }
)

# Adjectives and other names of values that a catalogue may hold.
ADJECTIVES = {
    "germany": "german germans",
    "france": "french",
    "us": "american usa u.s. america united_states",
    "uk": "british britain united_kingdom great_britain",
    "spain": "spanish",
    "italy": "italian",
    "netherlands": "dutch",
    "austria": "austrian",
    "switzerland": "swiss",
    "poland": "polish",
    "canada": "canadian",
    "japan": "japanese",
    "india": "indian",
    "china": "chinese",
    "sweden": "swedish",
    "norway": "norwegian",
    "denmark": "danish",
    "finland": "finnish",
    "belgium": "belgian",
    "portugal": "portuguese",
    "brazil": "brazilian",
    "mexico": "mexican",
    "north": "northern",
    "south": "southern",
    "east": "eastern",
    "west": "western",
}

CURRENCIES = _names(
    {
        "EUR": "eur euro euros €",
        "USD": "usd dollar dollars $",
        "GBP": "gbp pound pounds sterling £",
        "CHF": "chf franc francs",
        "JPY": "jpy yen",
        "CAD": "cad",
        "AUD": "aud",
        "SEK": "sek",
        "NOK": "nok",
        "DKK": "dkk",
        "PLN": "pln zloty",
        "INR": "inr rupee rupees",
        "CNY": "cny yuan",
        "BRL": "brl",
    }
)

# Small words of other languages, none of them an English word that people write in such texts.
FOREIGN = _names(
    {
        "German": "und der die das den dem ein eine einen nach aus mit jeden jede jeder täglich tabelle lade laden bitte für von "
        "zu zum zur im uhr nicht nur kunden bestellungen ist werden wird auf bei oder",
        "Italian": "alle con il gli ogni giorno dati carica nella tabella per ordini",
        "French": "le la les des du et dans chaque jour tous heures vers avec pour une un charger commandes sont aux donnée "
        "données sur pas",
        "Spanish": "el los las y día del una clientes carga cargar por favor datos tabla desde hasta hora",
        "Portuguese": "cada dia todos para pedidos e os em da com uma carregar dados tabela às",
        "Dutch": "en het een van naar elke dag met voor niet laad tabel klanten bestellingen om uur",
    }
)
