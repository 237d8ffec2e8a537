"""A notification before it is sent anywhere: a title, the author's words, facts and a link; as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from flows.show.account import Account, clip, facts, headline

FOOT = "Sent by Penstock."


@dataclass(frozen=True)
class Notice:
    """`words` may have several lines; `address` is a link, "" for none."""

    title: str
    words: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    address: str = ""

    @property
    def text(self) -> str:
        """Plain text, for a person."""
        parts = [self.title, self.words.strip(), "\n".join(f"{label}: {said}" for label, said in self.facts),
                 f"See the run: {self.address}" if self.address else "", FOOT]
        return "\n\n".join(part for part in parts if part) + "\n"

    @property
    def html(self) -> str:
        """The same as a simple page: nothing in it is fetched from anywhere, all words are escaped."""
        words = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in self.words.strip().split("\n\n") if part)
        cell = "padding:2px 12px 2px 0;vertical-align:top"
        lines = "".join(f'<tr><td style="{cell};color:#666">{escape(label)}</td><td style="{cell}">{escape(said)}</td></tr>'
                        for label, said in self.facts)
        link = f'<p><a href="{escape(self.address)}">See the run</a></p>' if self.address else ""
        return ('<!doctype html><html><head><meta charset="utf-8"></head><body style="font-family:sans-serif;font-size:14px">'
                f"<h3>{escape(self.title)}</h3>{words}{f'<table>{lines}</table>' if lines else ''}{link}"
                f'<p style="color:#666;font-size:12px">{FOOT}</p></body></html>')


def of_run(account: Account, event: str) -> Notice:
    """What is told of a run's end."""
    return Notice(headline(account, event), facts=tuple(facts(account)), address=account.address)


def of_step(title: str, words: str, account: Account | None) -> Notice:
    """What a step of a pipeline tells: its own words, and with an account how the run stands."""
    title = clip(title)
    if account is None:
        return Notice(title, words)
    return Notice(title or headline(account), words, tuple(facts(account)), account.address)
