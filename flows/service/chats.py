"""Conversations: kept, found again, and given back as what they were."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.access import LOCAL, Identity, needs
from flows.service.door import Door

if TYPE_CHECKING:
    from flows.planner.answer import PlanResult
    from flows.store import Chat


# bounded: a text may be long
ADDRESS = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,40}://[^\s\"'<>]{1,500}@[^\s\"'<>]{0,500}")


def author_of(who: Identity) -> str:
    """Whose conversations somebody sees: their own; without sign-in there is one person."""
    return "" if who.kind == LOCAL else who.key_id or who.who


class Chats(Door):
    """What was said, for the people who come back; nobody sees what another person said."""

    @needs("editor")
    def chats(self, limit: int = 20) -> list[Chat]:
        """The newest conversations first, without their bodies."""
        return self.store.chats.list(self.tenant, limit, author=author_of(self.identity))

    @needs("editor")
    def chat(self, chat_id: str) -> Chat:
        """One conversation with its body. Raises MissingError when this person has none of that id in this tenant."""
        return self.store.chats.get(self.tenant, chat_id, author=author_of(self.identity))

    @needs("editor")
    def keep_chat(self, chat_id: str, title: str, body: Mapping[str, Any]) -> None:
        """Keep a conversation as it stands, over what was kept before; the oldest ones of the person go.
        Raises MissingError for the id of another person's.

        What looks like a password or a key is masked in `body` and `title`, as it is in logs.
        """
        from flows.scrub import Scrubber

        scrub = Scrubber(_addresses([title, dict(body)]))
        self.store.chats.keep(self.tenant, chat_id, scrub(title), _scrubbed(dict(body), scrub), author=author_of(self.identity))

    @staticmethod
    def recall(data: Mapping[str, Any]) -> PlanResult:
        """A planner's answer from its plain form (`PlanResult.as_dict`)."""
        from flows.planner.answer import PlanResult

        return PlanResult.model_validate(data)


def _addresses(value: Any) -> set[str]:
    """The addresses in all texts: the password of one is masked also where it stands without its address."""
    if isinstance(value, str):
        return set(ADDRESS.findall(value))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return {address for each in parts for address in _addresses(each)}


def _scrubbed(value: Any, scrub: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(each, scrub) for key, each in value.items()}
    return [_scrubbed(each, scrub) for each in value] if isinstance(value, list | tuple) else value
