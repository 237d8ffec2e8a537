"""Who is told what: Slack channels and mail addresses, and on which event."""

from __future__ import annotations

import re

from flows.planner.read.draft import Draft
from flows.planner.read.text import Found, P, Text

TARGET = r"(?:{E}|{H})"
TARGETS = rf"(?P<to>{TARGET}(?:(?: ,| and| , and| &) {TARGET}){{0,5}})"
SUBJECT = (
    r"(?:it|this|that|anything|something|any(?: of (?:it|them|these|this))?|any step|a step|the (?:job|run|pipeline|load|flow|"
    r"task|import|export|sync|copy|process|whole thing)|one|things?|a check|any check|the checks?|they|there (?:is|are)|"
    r"everything|all)"
)
IF = r"(?:if|when|whenever|in case|as soon as|once|should|every time|each time)"
FAILURE = (
    rf"(?:{IF} {SUBJECT}(?: (?:ever|does|should|has|have|is))* (?:fails?|failed|breaks?|broke|goes wrong|go wrong|errors?|"
    r"errors? out|crashes|crash|a (?:problem|failure|error)|an (?:error|problem)|problems|errors|not work|does not work|"
    r"unsuccessful)"
    r"|(?:on|upon|after|in case of|for|about|of) (?:an? |any |every |all )?(?:failures?|errors?|problems?|failed runs?)|(?:if|"
    r"when) (?:failed|failing)|(?:when|if) failures? (?:happens?|occurs?))"
)
SUCCESS = (
    rf"(?:{IF} {SUBJECT}(?: (?:is|has|have|are|was))* (?:succeeds?|succeeded|done|finishes|finished|completes?|completed|"
    r"complete|successful|ready|loaded|works|worked|been loaded|went well|ended well|through)(?: (?:successfully|fine|without "
    r"errors?))?"
    r"|(?:on|upon|after) (?:every |each |any |an? )?(?:success|successful runs?|completion)|(?:when|once) (?:done|finished|"
    r"complete|completed|successful|ready)|afterwards|after(?:wards)? it (?:is done|finishes|completes))"
)
ODD = (
    rf"(?:{IF} {SUBJECT} (?:looks?|seems?|is|are) (?:unusual|odd|strange|anomalous|suspicious|abnormal|weird|an? anomal(?:y|ies)|"
    r"anomal(?:y|ies))|(?:on|upon|about|of|for|in case of) (?:an? |any |every )?(?:anomaly|anomalies|outliers?)"
    rf"|{IF} (?:an? |any )?(?:anomaly|anomalies|outliers?)(?: (?:is|are|was|were))? (?:found|detected|flagged|occurs?|appears?|seen))"
)
ALWAYS = (
    r"(?:always|in any case|either way|(?:after|on|for) (?:every|each) run|every time|each time|whatever happens|on (?:both "
    r")?(?:success (?:and|or) failure|failure (?:and|or) success)"
    rf"|whether (?:or not )?{SUBJECT} (?:works|succeeds|worked|succeeded)(?: or (?:not|fails|failed))?|(?:with|about) the "
    r"(?:result|outcome)|of the (?:result|outcome))"
)
EVENT = rf"(?P<failure>{FAILURE})|(?P<success>{SUCCESS})|(?P<odd>{ODD})|(?P<always>{ALWAYS})"
TELL = (
    r"(?:(?:and|then|also|please|,|to|you|should|must|will) )*(?:notify|notifies|notifying|alert|alerts|alerting|ping|pings|tell|"
    r"inform|warn|message|post|posting|email|mail|e - mail|slack|write|drop|send|sending|let|report|shout|contact|call)(?: (?:out|"
    r"off))?"
    r"(?: (?:an?|the|some|short|me|us|them|our|people|team|slack|email|emails|mail|mails|e - mail|alert|alerts|message|messages|"
    r"note|notification|notifications|channel|chat|in|on|to|at|via|through|by|into|and|report|status|line|word|warning|something|"
    r"failure|failures|errors?|summary|know|everyone|folks|address))*"
)
ON_SLACK = r"(?: (?:on|in|via|by|through|using|over) (?:the )?(?:slack|email|mail|chat)(?: channel)?| channel| slack channel)*"
AFTER = P(
    rf"{TELL} {TARGETS}{ON_SLACK}(?: ,)?(?: (?:but |and )?(?:only |just )?(?:{EVENT}))?(?: (?:and|or)(?: also)? "
    rf"(?:{EVENT.replace('P<', 'P<x')}))?{ON_SLACK}",
    "<e:|<h:",
)
BEFORE = P(rf"(?:and |but |please )*(?:{EVENT})(?: ,)?(?: then)? {TELL} {TARGETS}{ON_SLACK}", "<e:|<h:")
NOUN = P(
    r"(?:with |and |use |using |set up |, )*(?:an? |the )?(?:(?P<af>failure|error)|(?P<as>success)|(?P<ao>anomaly))? ?(?:slack |"
    r"email |mail )?(?:alerts?|notifications?|notices?|messages?|emails?|mails?|reports?)(?: (?:go|goes|sent|are sent|is sent|"
    rf"should go|must go))?(?: (?:{EVENT}))? (?:to|in|into|at|via|on|:) (?:the )?(?:slack |email )?(?:channel "
    rf")?{TARGETS}{ON_SLACK}(?: (?:{EVENT.replace('P<', 'P<x')}))?",
    "<e:|<h:",
)
BARE = P(
    rf"(?:failures?|errors?|alerts?)(?: (?:go|goes|should go|are reported|reported|are sent|sent))? (?:to|in) {TARGETS}{ON_SLACK}",
    "<e:|<h:",
)
NAMES = {
    "failure": "failure",
    "success": "success",
    "odd": "anomaly",
    "always": "always",
    "af": "failure",
    "as": "success",
    "ao": "anomaly",
}


def read_notify(text: Text, draft: Draft) -> None:
    """Each target with its events into `draft.notify`; a target without an event is told always."""
    for wanted in (BEFORE, AFTER, NOUN):
        for found in text.find(wanted):
            _add(text, draft, found, _events(found))
            text.take(found)
    for found in text.find(BARE):
        _add(text, draft, found, ["failure"])
        text.take(found)


WHEN_IT_FAILS = re.compile(
    r" (?:in case of|on|upon|after|if|when|whenever|should)(?: [^.;]{0,60})? (?:fails?|failures?|errors?|breaks|wrong|problems?) "
)


def _events(found: Found) -> list[str]:
    """The events of a match; `in case of failure, retry and alert #x` says its event earlier in the sentence."""
    groups = found.match.groupdict()
    on = [event for name, event in NAMES.items() if groups.get(name) or groups.get("x" + name)]
    if not on:
        before = found.text.norm[: found.match.start() + 1]
        sentence = before[max(before.rfind(" . "), before.rfind(" ; "), 0) :]
        on = ["failure"] if WHEN_IT_FAILS.search(sentence) else []
    return ["always"] if "always" in on or {"success", "failure"} <= set(on) else on


def _add(text: Text, draft: Draft, found: Found, on: list[str]) -> None:
    for word in found["to"].split():
        if word[:3] in ("<e:", "<h:"):
            channel = "email" if word[1] == "e" else "slack"
            draft.notify.append(
                {"channel": channel, "target": text.literal(word), "on": on or ["always"], "span": found.span, "said": bool(on)}
            )
