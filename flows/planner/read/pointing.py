"""Words that point: what "it" and "this pipeline" mean is the pipeline that a person has before them."""

from __future__ import annotations

from flows.planner.read.text import Found, P, Text

NOUN = P(
    r"(?:this|the|that|my|our|the current|this current|the same|your)(?: (?:whole|entire|new))? "
    r"(?:pipeline|flow|workflow|job|etl|dag|one)",
    "pipeline|flow|job|etl|dag|one",
)
BARE = P(r"(?:it|this|that)(?= (?:for|now|again|on|at|every|each|from|please|instead|to|with|daily|hourly|weekly|monthly|nightly|once|"
         r"twice|over|in|into|run|running|ran|go|going|work|fail|failed|finish|finished|succeed|done|doing|back|only|as|and|right|today|"
         r"yesterday|still|already|ok|when|if|every|last|write|be|\.|\?|!|,|-))")
END = P(r"(?:it|this|that)")
RUN = P(r"(?:the|its|this)(?: (?:last|latest|current|previous))? run")


def point(text: Text, pipeline: str) -> bool:
    """Make the first words that point mean `pipeline`; False when no word does, or a pipeline is named anyway."""
    if "<p:" in text.norm:
        return False
    hit = next((h for wanted in (NOUN, BARE, RUN) for h in text.find(wanted)), None) or _last(text)
    if hit is None:
        return False
    _mean(text, hit, pipeline)
    return True


def _last(text: Text) -> Found | None:
    """`how was it`: the very last word."""
    return next((h for h in text.find(END) if not text.norm[h.match.end() :].strip()), None)


def _mean(text: Text, hit: Found, pipeline: str) -> None:
    """The units of a match become one that names the pipeline."""
    a, b = hit.match.span()
    inside = [u for u in text.units if a <= u.at < b]
    text.literals.append(pipeline)
    first = inside[0]
    first.end, first.norm = inside[-1].end, f"<p:{len(text.literals) - 1}>"
    text.units = [u for u in text.units if u not in inside[1:]]
    text.render()
