"""One browser tab without a browser: the websocket client that `bench_app` measures Streamlit with.

It speaks Streamlit's own protocol (BackMsg out, ForwardMsg in), keeps the messages that a browser would keep, knows the widgets on the
page by their key, and lets the fragments that poll do so, as a page does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

FULL = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
PATIENCE = 120.0
RARE = 4.0  # seconds: what looks less often, like the banner, looks for ever


@dataclass(frozen=True)
class Widget:
    """A widget as it was last drawn: its id, the fragment it stands in ("" for none) and its element."""

    id: str
    fragment: str
    element: Any


class Tab:
    """A session on one address. `act` sends a click and gives back the seconds until the page stood still."""

    def __init__(self, socket: ClientConnection, query: str = "") -> None:
        self.socket, self.query, self.page = socket, query, ""
        self.pages: dict[str, str] = {}
        self.widgets: dict[str, Widget] = {}
        self.values: dict[str, WidgetState] = {}
        self.text: list[str] = []  # what the page has said since the last action
        self.kept: dict[str, ForwardMsg] = {}
        self.timers: dict[str, asyncio.Task[None]] = {}
        self.busy: set[str] = set()  # fragments that look often
        self.bytes = self.reruns = 0
        self.seen = asyncio.Condition()
        self.ended: list[tuple[int, tuple[str, ...]]] = []
        self.reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, address: str, *, page: str = "", query: str = "") -> Self:
        """Open a page (its path, "" for the first) and wait until it stands."""
        socket = await connect(f"{address.replace('http', 'ws', 1)}/_stcore/stream", subprotocols=["streamlit"],  # type: ignore[list-item]
                               max_size=None, open_timeout=PATIENCE)
        tab = cls(socket, query)
        message = tab._message()
        message.rerun_script.page_name = page
        await tab._send(message, "")
        return tab

    async def close(self) -> None:
        for task in (*self.timers.values(), self.reader):
            task.cancel()
        await self.socket.close()

    # ---- what a person does

    async def rerun(self) -> float:
        return await self._send(self._message(), "")

    async def go(self, path: str) -> float:
        """A click on a page of the navigation."""
        self.page = self.pages[path]
        self.widgets.clear()
        return await self._send(self._message(), "")

    async def choose(self, key: str, option: str) -> float:
        """A click on one part of a segmented control or of pills."""
        state = WidgetState(id=self.widgets[key].id)
        state.string_array_value.data.append(option)
        self.values[key] = state
        return await self._touch(key)

    async def say(self, key: str, text: str) -> float:
        """Send a message from a chat box."""
        state = WidgetState(id=self.widgets[key].id)
        state.chat_input_value.data = text
        return await self._touch(key, state)

    def options(self, key: str) -> list[str]:
        return [option.content for option in self.widgets[key].element.options]

    def find(self, kind: str, *words: str) -> str:
        """The key of the widget of a kind (`button_group`, `chat_input`) whose element holds these words. Raises LookupError."""
        for key, widget in self.widgets.items():
            if widget.element.DESCRIPTOR.name.lower() == kind.replace("_", "") and all(word in str(widget.element) for word in words):
                return key
        raise LookupError(f"no {kind} with {words} on the page; there are {sorted(self.widgets)}")

    async def wait_for(self, words: str) -> None:
        """Until the page says these words."""
        async with asyncio.timeout(PATIENCE), self.seen:
            await self.seen.wait_for(lambda: any(words in text for text in self.text))

    async def wait_for_rest(self) -> None:
        """Until nothing on the page is watched closely any more."""
        async with asyncio.timeout(PATIENCE), self.seen:
            await self.seen.wait_for(lambda: not self.busy)

    # ---- the protocol

    def _message(self, fragment: str = "", once: WidgetState | None = None, auto: bool = False) -> BackMsg:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash, asked.fragment_id, asked.is_auto_rerun = self.query, self.page, fragment, auto
        asked.widget_states.widgets.extend([*self.values.values(), *([once] if once else [])])
        asked.cached_message_hashes.extend(self.kept)
        asked.context_info.timezone = "UTC"
        return message

    async def _touch(self, key: str, once: WidgetState | None = None) -> float:
        fragment = self.widgets[key].fragment
        return await self._send(self._message(fragment, once), fragment)

    async def _send(self, message: BackMsg, fragment: str) -> float:
        """Seconds until the run that this message asked for is over; a run that starts itself again counts until its last end."""
        self.text.clear()
        self.ended.clear()
        started = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE), self.seen:
            await self.seen.wait_for(lambda: any(status in FULL or fragment in of for status, of in self.ended))
        self.reruns += 1
        return time.perf_counter() - started

    async def _read(self) -> None:
        async for raw in self.socket:
            assert isinstance(raw, bytes)
            self.bytes += len(raw)
            message = ForwardMsg.FromString(raw)
            if message.WhichOneof("type") == "ref_hash":
                kept = ForwardMsg()
                kept.CopyFrom(self.kept[message.ref_hash])
                kept.metadata.CopyFrom(message.metadata)
                message = kept
            elif message.metadata.cacheable and message.hash:
                self.kept[message.hash] = message
            async with self.seen:
                self._take(message)
                self.seen.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        kind, of = message.WhichOneof("type"), tuple(message.metadata.run.fragment_ids)
        if kind == "delta":
            self._draw(message.delta)
        elif kind == "script_finished":
            self.ended.append((message.script_finished, of))
        elif kind == "new_session" and not of:
            self._stop(list(self.timers))
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
            self.pages = {page.url_pathname if not page.is_default else "": page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._stop([message.auto_rerun.fragment_id])
            if message.auto_rerun.interval < RARE:
                self.busy.add(message.auto_rerun.fragment_id)
            self.timers[message.auto_rerun.fragment_id] = asyncio.create_task(
                self._poll(message.auto_rerun.fragment_id, message.auto_rerun.interval))
        elif kind == "stop_auto_rerun":
            self._stop(list(message.stop_auto_rerun.fragment_ids))

    def _draw(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        name = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, name)
        if name in ("markdown", "alert", "exception"):
            self.text.append(getattr(element, "body", "") or str(element))
        key = str(getattr(element, "id", "")).partition("-")[2].partition("-")[2]
        if key:
            self.widgets[key] = Widget(element.id, delta.fragment_id, element)

    def _stop(self, fragments: list[str]) -> None:
        self.busy.difference_update(fragments)
        for fragment in fragments:
            if fragment in self.timers:
                self.timers.pop(fragment).cancel()

    async def _poll(self, fragment: str, every: float) -> None:
        with contextlib.suppress(OSError):
            while True:
                await asyncio.sleep(every)
                await self.socket.send(self._message(fragment, auto=True).SerializeToString())
                self.reruns += 1
