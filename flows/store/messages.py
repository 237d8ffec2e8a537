"""The outbox: notifications of runs that ended, kept until they are sent or given up, so that no kill loses one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, text, true, tuple_, update

from flows.store.database import Database
from flows.store.rows import FINAL, Message, NewMessage
from flows.store.schema import messages, runs

_COLUMNS = [messages.c[name] for name in Message.__dataclass_fields__]
_UNTOLD = (text("NOT told"), runs.c.status.in_(FINAL))  # the first names the index
_WAITS = messages.c.status == "WAITING"
TARGETS = 200  # that one look at the outbox gives back


class Messages:
    """A run's messages are written once, together with the note that its end is told; whoever holds a message's lease sends it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- what is to be told

    def untold(self, limit: int = 50) -> list[str]:
        """The ids of runs that have ended and whose end was not told yet, oldest first, of all tenants."""
        with self._database.read() as connection:
            return list(connection.execute(select(runs.c.run_id).where(*_UNTOLD).order_by(runs.c.seq).limit(limit)).scalars())

    def is_told(self, run_id: str) -> bool:
        """Whether the messages of a run are written. A run that is gone has nothing to tell."""
        with self._database.read() as connection:
            return connection.execute(select(runs.c.told).where(runs.c.run_id == run_id)).scalar() is not False

    def tell(self, told: Mapping[str, Sequence[NewMessage]]) -> None:
        """Write the messages of each run and that its end is told, in one transaction; for a run that was told before, nothing.

        A message with an error cannot be sent and is FAILED from the start.
        """
        now = self._database.now()
        with self._database.write() as connection:
            for run_id, new in told.items():
                mine = and_(runs.c.run_id == run_id, *_UNTOLD)
                if not connection.execute(update(runs).where(mine).values(told=true())).rowcount:
                    continue
                for number, each in enumerate(new, 1):
                    over = {"status": "FAILED", "ended_at": now} if each.error else {"status": "WAITING", "next_at": now}
                    connection.execute(messages.insert().values(
                        message_id=f"{run_id}.{number}", run_id=run_id, tenant_id=each.tenant_id, channel=each.channel, target=each.target,
                        event=each.event, attempts=0, error=each.error, created_at=now, **over))

    # ---- what is to be sent

    def due(self, without: Collection[tuple[str, str]] = ()) -> list[Message]:
        """The oldest message that is due of each channel and target, the longest waiting first; none of those in `without`, whom
        somebody is sending to right now."""
        oldest = select(func.min(messages.c.seq)).where(self._due()).group_by(messages.c.channel, messages.c.target)
        if without:
            oldest = oldest.where(tuple_(messages.c.channel, messages.c.target).not_in(list(without)))
        asked = select(*_COLUMNS).where(messages.c.seq.in_(oldest)).order_by(messages.c.next_at, messages.c.seq).limit(TARGETS)
        with self._database.read() as connection:
            return [Message(**row._mapping) for row in connection.execute(asked)]

    def claim(self, message_id: str, lease_seconds: float) -> bool:
        """Begin a try: of many runners exactly one may. When it is lost, the message is due again after the lease."""
        mine = and_(messages.c.message_id == message_id, self._due())
        values = {"attempts": messages.c.attempts + 1, "lease_until": self._database.now(lease_seconds)}
        with self._database.write() as connection:
            return connection.execute(update(messages).where(mine).values(values)).rowcount == 1

    def sent(self, message_id: str) -> None:
        self._end(message_id, {"status": "SENT", "error": "", "next_at": None, "ended_at": self._database.now()})

    def failed(self, message_id: str, error: str, again_in: float | None) -> None:
        """A try that came to nothing: the next one is due in so many seconds, or with None there is none."""
        over = {"status": "FAILED", "next_at": None, "ended_at": self._database.now()}
        self._end(message_id, {"error": error, **(over if again_in is None else {"next_at": self._database.now(again_in)})})

    # ---- what became of it

    def of(self, run_id: str) -> list[Message]:
        """The messages of one run, in the order of its spec; its id comes from a run that was read with its tenant."""
        with self._database.read() as connection:
            return [Message(**row._mapping) for row in
                    connection.execute(select(*_COLUMNS).where(messages.c.run_id == run_id).order_by(messages.c.seq))]

    def hurry(self, tries: int, seconds: float, untried: float) -> bool:
        """Whether somebody should wait for a message: one that was not tried yet (and is younger than `untried` seconds), or one with
        less than so many tries that is younger than `seconds`. Of all tenants."""
        young = messages.c.created_at > self._database.now(-seconds)
        new = and_(messages.c.attempts == 0, messages.c.created_at > self._database.now(-untried))
        asked = select(messages.c.seq).where(_WAITS, or_(new, and_(messages.c.attempts < tries, young))).limit(1)
        with self._database.read() as connection:
            return connection.execute(asked).first() is not None

    def lost(self, tenant: str, hours: float) -> list[Message]:
        """Those that were given up in the last `hours`, newest first, at most a hundred."""
        since = self._database.now(-hours * 3600)
        asked = select(*_COLUMNS).where(messages.c.tenant_id == tenant, messages.c.ended_at >= since, messages.c.status == "FAILED")
        with self._database.read() as connection:
            return [Message(**row._mapping) for row in connection.execute(asked.order_by(messages.c.ended_at.desc()).limit(100))]

    # ---- inside

    def _due(self) -> ColumnElement[bool]:
        now = self._database.now()
        return and_(_WAITS, messages.c.next_at <= now, or_(messages.c.lease_until.is_(None), messages.c.lease_until < now))

    def _end(self, message_id: str, values: dict[str, object]) -> None:
        mine = and_(messages.c.message_id == message_id, _WAITS)
        with self._database.write() as connection:
            connection.execute(update(messages).where(mine).values({**values, "lease_until": None}))
