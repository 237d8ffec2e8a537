"""Whether runs can start, said once for every screen: the control store, the runner, Prefect's server; and why one run waits."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.access import Identity, needs
from flows.scrub import without_login
from flows.service.door import Door
from flows.show import units
from flows.show.account import clip
from flows.store.rows import AT_ONCE

if TYPE_CHECKING:
    from flows.store import Backfill, Run, Runner

OK, STARTING, DOWN = "ok", "starting", "down"
FRESH = 1.0  # seconds that an answer stands for all who ask
SILENCE = 6.0  # seconds: a server that is busy or started again for so long is no news
WARM_UP = 90.0  # seconds that a start may take before it counts as failed
AGAIN = 45.0  # seconds that a second start may take: Prefect's server is up by then
LOST_HOURS = 24.0  # how long a notification that was given up is news
START = "Start it with `penstock up`."
WAIT = "Runs that you start now wait; previews still work."


@dataclass(frozen=True)
class Part:
    """One thing that runs need. `state`: ok | starting | down. `run_id`: the run that shows what is wrong, "" when it is none.
    `where`: where it is, for admins."""

    name: str
    state: str
    words: str
    fix: str = ""
    run_id: str = ""
    where: str = ""


@dataclass(frozen=True)
class Parent:
    """A living `penstock up`: whether a runner of its was heard of, and for how many seconds none has been since then or since it began."""

    was_up: bool
    silent: float


class Health(Door):
    """Reads only what the runner writes about itself, never asks Prefect."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._looking, self._looked_at, self._seen = threading.Lock(), float("-inf"), dict[str, Any]()

    def metrics(self) -> tuple[bytes, str]:
        """What monitoring reads, over all tenants without naming one, and its content type. Runs, steps and the queue are those of the
        control store; generations and validations are counted in this process from the first call on."""
        from flows.metrics import serve

        return serve(lambda: self.store).text()

    @needs("viewer")
    def health(self, *, reader: Identity | None = None) -> dict[str, Any]:
        """Whether runs can start: `runner` says if one is alive, `words` says what is wrong and what to do, `parts` says for the control
        store, the runner and Prefect's server {name, state: ok|starting|down, words, fix, run_id, where}. `notes` says what
        failed beside the runs, as a part as well: notifications that were given up. An answer holds for a second. Where things are on
        the server is for admins; `reader` is who reads it, when that is not the caller.

        Raises UnreachableError when the control store does not answer.
        """
        with self._looking:
            if time.monotonic() - self._looked_at > FRESH:
                self._seen = self._whole()
                self._looked_at = time.monotonic()
            seen = self._seen
        return seen if (reader or self.identity).may("admin") else _less(seen, f"{self.settings.home}{os.sep}")

    def _whole(self) -> dict[str, Any]:
        alive = self.store.runners.alive()
        kind = "PostgreSQL" if self.store.kind == "postgresql" else "SQLite"
        parts = [Part("Control store", OK, f"{kind} answers.", where=self.store.address)]
        parts += [self._runner(alive), self._prefect(alive)]
        aside = self._untold()
        words, notes = ([f"{part.words} {part.fix}".strip() for part in some if part.state != OK and part.words] for some in (parts, aside))
        return {"runner": bool(alive), "words": words, "notes": notes, "parts": [asdict(part) for part in (*parts, *aside)]}

    def _runner(self, alive: list[Runner]) -> Part:
        name = "Runner"
        if alive:
            busy, most = _places(alive)
            return Part(name, OK, f"{units.several(len(alive), 'runner')} up, {busy} of {units.several(most, 'place')} in use")
        parent = self._parent()
        if parent and parent.was_up and parent.silent < AGAIN:
            return Part(name, STARTING, f"The runner has stopped and is being started again. {WAIT}")
        if parent and not parent.was_up and parent.silent < WARM_UP:
            return Part(name, STARTING, f"The runner is starting. {WAIT}")
        if parent:
            return Part(name, DOWN, "Runs cannot start: the runner does not come up. Previews still work.",
                        f"Look into {self.settings.home / 'logs' / 'runner.log'}, then start `penstock up` again.")
        return Part(name, DOWN, "Runs cannot start: no runner is up. Previews still work.", START)

    def _untold(self) -> list[Part]:
        """Notifications that were given up; runs go on without them."""
        lost = self.store.messages.lost(self.tenant, LOST_HOURS)
        if not lost:
            return []
        many = units.several(len(lost), "notification")
        return [Part("Notifications", DOWN, f"{many} could not be sent in the last {LOST_HOURS:g} hours, the last one to "
                     f"{lost[0].target}: {clip(lost[0].error, 300).rstrip('.')}.", f"See: penstock status {lost[0].run_id}.",
                     lost[0].run_id)]

    def _prefect(self, alive: list[Runner]) -> Part:
        """As the runner sees it: one that does not answer for a few seconds is no news."""
        name = "Prefect server"
        if not alive:
            where = f" at {without_login(self.settings.prefect_url)}" if self.settings.prefect_url else ""
            known = STARTING if self._runner(alive).state == STARTING else DOWN
            return Part(name, known, "", f"The runner tells whether Prefect's server{where} answers." if where else START)
        told = alive[0]
        where = without_login(str(told.info.get("prefect") or self.settings.prefect_url))
        if any(_hears(runner) for runner in alive):
            return Part(name, OK, f"Prefect answers at {where}")
        if told.info.get("silent") is None and (datetime.now(UTC) - told.started_at).total_seconds() < WARM_UP:
            return Part(name, STARTING, f"Prefect's server at {where} is starting. {WAIT}")
        fix = "Start it, or check PENSTOCK_PREFECT_URL." if self.settings.prefect_url else \
            f"`penstock up` starts it again; if it stays away, look into {self.settings.home / 'logs' / 'server.log'}."
        return Part(name, DOWN, f"Runs cannot start: Prefect's server at {where} does not answer. Previews still work.", fix)

    def _parent(self) -> Parent | None:
        """The `penstock up` of this home on this machine, if it lives."""
        from flows.run.up import holder

        pid = holder(self.settings).get("pid")
        if not isinstance(pid, int) or not _is_there(pid):
            return None
        last = self.store.runners.last()
        began = (self.settings.home / "up.lock").stat().st_mtime
        heard = last.beat_at.timestamp() if last else 0.0
        return Parent(was_up=heard > began, silent=time.time() - max(began, heard))

    # ---- one run

    @needs("viewer")
    def why(self, run_id: str) -> str:
        """Why a queued run does not run, one cause with its fix; "" when it runs, has ended, or nothing is in the way.

        Takes the id of a backfill as well. Raises MissingError when this tenant has no such run.
        """
        if run_id.startswith("fill-"):
            fill = self.store.backfills.get(self.tenant, run_id)
            return "" if fill.ended else self._why_day(fill)
        return self._why(self.store.runs.get(self.tenant, run_id))

    def _why_day(self, fill: Backfill) -> str:
        """Why the next day of a backfill has not begun."""
        open_runs = self.store.runs.find(self.tenant, pipeline_id=fill.pipeline_id, status=("PENDING", "RUNNING"), limit=AT_ONCE,
                                         specs=False)
        if open_runs and open_runs[0].backfill_id == fill.backfill_id:
            return "" if any(run.status == "RUNNING" for run in open_runs) else self._why(open_runs[-1])
        if missing := self._missing():
            return missing
        if not open_runs:
            return ""
        how = "queued" if open_runs[0].status == "PENDING" else "running"
        return f"{fill.pipeline_id} is already {how} as {open_runs[0].run_id}. The next day starts when that run has ended."

    def _why(self, run: Run) -> str:
        if run.status != "PENDING" or run.owner:
            return ""
        return self._missing() or self._place_in_queue(run)

    def _missing(self) -> str:
        """What no run can start without."""
        alive = self.store.runners.alive()
        prefect = self._prefect(alive)
        if alive:
            return "" if prefect.state == OK else f"{prefect.words} {prefect.fix}".strip()
        runner, last = self._runner(alive), self.store.runners.last()
        if runner.state == STARTING or self._parent():
            return f"{runner.words} {runner.fix}".strip()
        if last is None:
            return f"No runner is up. {START.replace('it', 'one', 1)}"
        return f"No runner has been seen for {since(last.beat_at)}. {START.replace('it', 'one', 1)}"

    def _place_in_queue(self, run: Run) -> str:
        place = self.store.runs.waiting(self.tenant, run.run_id)
        busy, most = _places(self.store.runners.alive())
        if place > 1:
            ahead = units.several(place - 1, "run is", "runs are")
            return f"{ahead} ahead of it; at most {most} run at once. It starts by itself."
        if place == 1 and busy >= most:
            return f"It is next: {units.several(busy, 'run is', 'runs are')} at work, and at most {most} run at once. It starts by itself."
        return ""


def _less(seen: dict[str, Any], home: str) -> dict[str, Any]:
    """The same without places on the server."""
    parts = [{**part, "where": "", "fix": part["fix"].replace(home, "")} for part in seen["parts"]]
    return {**seen, "parts": parts, "words": [words.replace(home, "") for words in seen["words"]]}


def since(moment: datetime) -> str:
    """`6 minutes`, `3 h 20 min`."""
    minutes = max(1, round((datetime.now(UTC) - moment).total_seconds() / 60))
    return units.several(minutes, "minute") if minutes < 60 else units.seconds(minutes * 60)


def _places(alive: list[Runner]) -> tuple[int, int]:
    """How many runs are at work, and how many may be."""
    return sum(len(r.info.get("runs") or ()) for r in alive), sum(int(r.info.get("most") or 0) for r in alive)


def _hears(runner: Runner) -> bool:
    """Whether Prefect answered this runner, now or a moment ago."""
    silent = runner.info.get("silent")
    return bool(runner.info.get("ready")) or (silent is not None and float(silent) < SILENCE)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
