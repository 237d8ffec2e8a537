"""The owned lists of words: what may be ignored, what moves data, what numbers and negations are called."""

from __future__ import annotations

# Words that carry no fact of their own. Every one is a risk: a test keeps POLARITY, LIMITING and QUANTITY words off this list.
FUNCTION = frozenset("""
a an the this that these those it its they them their there here i we you he she us me my our your
is are was were be been being am do does did done has have had having can could would should will shall may might must let lets let's
i'd i'm i'll we'd we're we'll it's that's what's there's you'd
to of in on at for from into onto with as by and then also so now well again s
please kindly thanks thank hi hello hey dear pls plz ok okay cheers regards
want wants need needs like wish would've help looking
which who whose what where how when
such some any same own other's
go goes going come comes ready right via out up over off
""".split()) - frozenset(["over", "off", "again", "same", "any", "some", "other's", "up", "out", "where", "who", "whose", "must", "should", "when", "how",
                          "and", "by", "as", "with", "then"])

# Joining words: harmless between two things that were read, a sign of lost meaning anywhere else; consumed by the leftover pass.
GLUE = frozenset("and by as with then plus & where when who whose which that how out up over should must here".split())

# Nouns that name a vessel, not its content.
VESSELS = frozenset("""
data table tables row rows record records result results output outcome file files pipeline pipelines flow job task process etl workflow step
column columns field fields entry entries information info dataset list report reports contents number numbers figures database databases db system
everything stuff rest remainder remaining version copy content one ones team thing things value values dump extract target destination source side
""".split())

# Verbs (and their forms) that only say that data moves or is worked out.
MOVING = frozenset("""
load loads loaded loading copy copies copied copying move moves moved moving sync syncs synced syncing synchronize synchronise synchronized
replicate replicates replicated replicating ingest ingests ingested ingesting import imports imported importing export exports exported exporting
extract extracts extracted extracting pull pulls pulled pulling push pushes pushed pushing fetch fetches fetched fetching get gets getting got
take takes taken taking taking bring brings brought bringing grab read reads reading transfer transfers transferred transferring transport
write writes written writing save saves saved saving store stores stored storing put puts putting place places persist persisted land landing lands
send sends sent sending deliver delivers delivered delivering dump dumps dumped dumping publish publishes published ship feed feeds stream streams
create creates created creating build builds built building make makes made making produce produces produced producing generate generates generated
generating compute computes computed computing calculate calculates calculated calculating show shows shown showing find finds finding found
give gives giving given provide provides provided list lists listing collect collects collected collecting gather gathers gathered run runs running
prepare prepares prepared materialize materialise materialized set setup populate populates populated fill filled refresh refreshes refreshed
work works worked working use uses used using apply applies applied applying transform transforms transformed transforming
transformation transformations process processed keep keeps keeping kept start ends end ending goes go want include includes including included
happen happens happened end see view query select report summarize summarise summarizes summary overview determine retrieve retrieves retrieved obtain
backup mirror mirrors mirrored archive archives archived emit hand perform schedule scheduled
""".split())

# Turning words: they may never be ignored, only consumed by the reader that acted on them.
POLARITY = frozenset("""
not no none never neither nor but only just except excluding exclude without drop unless before after until till instead rather ignore skip omit
remove minus less fewer more most least other others besides apart although though however if else otherwise while during since
""".split())
QUANTITY = frozenset("all every each both half twice once double many much few several first last next previous per top bottom".split())

NUMBERS = {w: n for n, w in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split())}
TENS = {w: n for n, w in zip(range(20, 100, 10), "twenty thirty forty fifty sixty seventy eighty ninety".split(), strict=True)}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000, "k": 1000, "dozen": 12}
ORDINALS = {w: n for n, w in enumerate(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth".split(), 1)}

MONTHS = {m: n for n, names in enumerate((
    "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug", "september sep sept",
    "october oct", "november nov", "december dec"), 1) for m in names.split()}
DAYS = {d: n for n, names in enumerate((
    "sunday sundays sun", "monday mondays mon", "tuesday tuesdays tue tues", "wednesday wednesdays wed", "thursday thursdays thu thurs",
    "friday fridays fri", "saturday saturdays sat")) for d in names.split()}
UNITS = {w: u for u, names in {
    "second": "second seconds sec secs s", "minute": "minute minutes min mins", "hour": "hour hours hr hrs h", "day": "day days d",
    "week": "week weeks", "month": "month months", "quarter": "quarter quarters", "year": "year years"}.items() for w in names.split()}

ADJECTIVES = {
    "germany": "german germans", "france": "french", "us": "american usa u.s. america united_states", "uk": "british britain united_kingdom great_britain",
    "spain": "spanish", "italy": "italian", "netherlands": "dutch", "austria": "austrian", "switzerland": "swiss", "poland": "polish",
    "canada": "canadian", "japan": "japanese", "india": "indian", "china": "chinese", "sweden": "swedish", "norway": "norwegian",
    "denmark": "danish", "finland": "finnish", "belgium": "belgian", "portugal": "portuguese", "brazil": "brazilian", "mexico": "mexican",
    "north": "northern", "south": "southern", "east": "eastern", "west": "western",
}

CURRENCIES = {w: c for c, names in {
    "EUR": "eur euro euros €", "USD": "usd dollar dollars $", "GBP": "gbp pound pounds sterling £", "CHF": "chf franc francs",
    "JPY": "jpy yen", "CAD": "cad", "AUD": "aud", "SEK": "sek", "NOK": "nok", "DKK": "dkk", "PLN": "pln zloty", "INR": "inr rupee rupees",
    "CNY": "cny yuan", "BRL": "brl"}.items() for w in names.split()}

# Small words of other languages, none of them an English word that people write in such texts.
FOREIGN = {w: lang for lang, words in {
    "German": "und der die das den dem ein eine einen nach aus mit jeden jede jeder täglich tabelle lade laden bitte für von zu zum zur im uhr "
              "nicht nur alle kunden bestellungen ist werden wird auf bei oder",
    "French": "le la les des du et dans chaque jour tous heures vers avec pour une un charger commandes sont aux donnée données sur pas",
    "Spanish": "el los las y cada día dia todos en del con para una pedidos clientes carga cargar por favor datos tabla desde hasta hora las",
    "Italian": "il gli e ogni giorno alle dati carica nella tabella con per ordini",
    "Portuguese": "os e cada dia todos em da com para uma pedidos carregar dados tabela às",
    "Dutch": "het een en van naar elke dag met voor niet laad tabel klanten bestellingen om uur",
}.items() for w in words.split()}
