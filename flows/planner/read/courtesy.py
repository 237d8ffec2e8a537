"""What is neither a fact nor a question: greetings, thanks, reasons; and the verbs that only say that something is to be built."""

from __future__ import annotations

import re

from flows.planner.read.draft import Draft
from flows.planner.read.text import P, Text, Unit
from flows.planner.read.words import FOREIGN, FUNCTION, GLUE, MOVING, QUANTITY, VESSELS

PEOPLE = (
    "team|teams|finance|marketing|sales|management|manager|managers|boss|board|ceo|cfo|controlling|accounting|analysts?|"
    "colleagues?|dashboards?|people|staff|users?|"
    "department|stakeholders|leadership|crew|folks|support|operations|ops|engineers?|everyone|everybody|meeting|meetings|review|"
    "reviews|presentation|bi|reporting|"
    "report|reports|analytics|analysis|planning|audit|business|company|customers?|clients?|guys|office|product|group|it|us|me|"
    "they|we|them|i|month - end|closing|controllers?|auditors?"
)
GREETING = P(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|dear)(?: (?:there|all|team|everyone|penstock|folks|colleagues|"
    r"you|bot))*(?= (?:,|!|\.|and|please|could|can|we|i|¦))",
    "hi |hello|hey|good|dear",
)
THANKS = P(
    r"(?:(?:many|and|,|kind|best|warm|with) )*(?:thanks|thank you|thx|cheers|regards|ta|much appreciated|appreciated|that would "
    r"be (?:great|nice|lovely|helpful|perfect)|that is all|that's all|that's it)(?: (?:a lot|so much|very much|in advance|again|"
    r"for (?:your|the) help|!|you|all|to you))*",
    "thank|thx|cheers|regards|appreciat|would be|that",
)
WISH = P(
    r"(?:(?:our|the|my) (?:[a-z]+ )?(?:team|department|boss|manager|colleagues) (?:needs?|wants?|would like|requires?)|"
    r"(?:i|we) (?:want|need|would like|wish) to (?:know|see|have|find out)|(?:could|can|would|will) you(?: (?:please|kindly|maybe|"
    r"perhaps|possibly|also|help me|help us|be so kind|be so kind as|be "
    r"so kind and|to))*|(?:i|we)(?: (?:would|'d|do|really|also|now))* (?:like|want|need|would like|wish|love|have|am looking|are "
    r"looking)(?: (?:you|to|for|a|an|have|get|see|us|me|the))*|(?:what|all) (?:we|i) (?:need|want|would like)(?: is)?|(?:we'd|"
    r"i'd)(?: (?:like|love|need|want))?(?: to)?(?: (?:have|get|see))?|it would be (?:great|nice|good|helpful) (?:to|if (?:you|we) "
    r"could)|(?:my|our) (?:task|goal|idea|aim|plan|wish|request) is(?: to)?|(?:the|our|my) (?:task|goal|idea|aim|plan) (?:is|here "
    r"is)(?: to)?|(?:what )?i (?:have in mind|am after) is|if possible|as soon as possible|asap|for now|at the moment|basically|"
    r"simply|of course|obviously|as usual|as always|as discussed|as agreed|first of all|in the end|finally|afterwards|after "
    r"that|as follows|the following|in addition|additionally|furthermore|moreover|subsequently|nicely|properly|cleanly|"
    r"automatically|directly|safely|"
    r"(?:new|nice|simple|quick|small|complex|following|necessary|central|own)"
    r"(?= (?:pipeline|job|flow|workflow|etl|transformation|transformations|report|overview|dataset|process|table|column|file) )|"
    r"(?:entire|whole)(?= <t))"
)
REASON_WORD = (
    rf"(?:{PEOPLE}|our|the|their|a|an|this|that|these|it|my|your|weekly|monthly|daily|quarterly|annual|in|of|to|at|on|is|"
    r"are|be|have|has|and|their|new|own|whole|very|really|"
    r"need|needs|needed|want|wants|wanted|wish|wishes|like|likes|look|looks|looked|see|sees|use|uses|used|read|reads|ask|"
    r"asks|asked|can|could|may|must|will|would|should|"
    r"rely|relies|depend|depends|work|works|working|prepare|prepares|decide|plan|answer|watch|follow|understand|know|"
    r"compare|analyse|analyze|discuss|present|analysing|"
    r"morning|mornings|week|month|purposes?|reasons?|use|usage|up to date|up|date|fresh|current|correct|always|there|here|"
    r"for|with|by|early|quickly|easily|first thing|closely|"
    r"wants to|request|requests|requested|requirement|compliance|gdpr|privacy|law|legal|required|important|urgent|waiting|"
    r"wait|happy|data|numbers|figures|results?)"
)
WHO = (
    r"(?:we|they|i|it|our|my|finance|marketing|management|controlling|everyone|people|the [a-z]+ (?:team|department|people)|the "
    r"(?:team|boss|board|auditors?))"
)
REASON = P(
    r"(?:(?:,|and|-|\() )*(?:because|so that|so|in order that|such that|that is because|the reason is that|needed by|used by|"
    rf"requested by|wanted by|required by|asked for by|(?:since|as)(?= {WHO} ))(?: {REASON_WORD}){{1,24}}(?: \))?(?= "
    r"(?:,|\.|;|!|\?|¦|$))"
)
PRIVACY = P(
    r"(?:(?:,|and|-|\() )*(?:for|because of|due to|out of)(?: (?:the|our|a|some|data|of|and|reasons?|privacy|gdpr|compliance|"
    r"protection|legal|law|security|audit|purposes?|backup|safety|reporting|analysis|analytics|finance|weekly|monthly|"
    r"management|dashboards?|dashboard|report|team|marketing|business)){1,8}(?= (?:,|\.|;|!|:|¦|in|to|into|and|every|on|at|$))"
)


def read_courtesy(text: Text) -> None:
    """Greetings, wishes, thanks, reasons: only as far as every word of them is on a list."""
    for wanted in (GREETING, THANKS):
        for hit in text.find(wanted):
            text.take(hit)
    text.norm += " "
    for wanted in (REASON, WISH, PRIVACY):
        for hit in text.find(wanted):
            text.take(hit)


TESTING = frozenset(["check", "checks", "checking", "validate", "verify", "test"])
IGNORED = FUNCTION | VESSELS
SIGNS = frozenset([*list(",.;:!?()[]{}-'\"*•·…"), "->", "--"])
HARMLESS = QUANTITY & {"all", "every", "each", "both"}


def read_verbs(text: Text, draft: Draft) -> None:
    """Verbs of moving and making: together they are the wish that something is built."""
    for unit in text.left():
        if unit.norm in MOVING or (draft.checks and unit.norm in TESTING):
            draft.verbs.append((unit.start, unit.end))
            unit.taken = True
    text.render()


def leftover(text: Text) -> list[list[Unit]]:
    """Runs of units that nobody consumed and that carry meaning, with the small words between them."""
    runs: list[list[Unit]] = []
    open_run: list[Unit] = []
    for unit in text.units:
        if (not unit.taken and not _empty(unit)) or (open_run and not unit.taken and unit.norm not in SIGNS):
            open_run.append(unit)
        elif open_run:
            runs.append(open_run)
            open_run = []
    if open_run:
        runs.append(open_run)
    for run in runs:
        while run and _empty(run[-1]):
            run.pop()
    return [r for r in runs if r]


def _empty(unit: Unit) -> bool:
    return unit.norm in IGNORED or unit.norm in GLUE or unit.norm in SIGNS or unit.norm in HARMLESS


def foreign(raw: str, norm: str) -> str:
    """The language a text seems to be written in when it is not English, else nothing."""
    letters = [c for c in raw if c.isalpha()]
    if letters and sum(ord(c) > 0x24F for c in letters) > len(letters) * 0.3:
        return "another language"
    words = re.findall(r"[^\W\d_]+", raw.lower())
    english = sum(w in FUNCTION or w in GLUE or w in MOVING or w in VESSELS or w in QUANTITY for w in words)
    hits: dict[str, int] = {}
    for word in words:
        if word in FOREIGN:
            hits[FOREIGN[word]] = hits.get(FOREIGN[word], 0) + 1
    total = sum(hits.values())
    if (total >= 2 and total > english) or (total >= 3 and total * 2 > english and total * 5 > len(words)):
        return max(sorted(hits), key=lambda k: hits[k])
    return ""
