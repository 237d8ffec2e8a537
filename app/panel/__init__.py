"""The work panel beside the chat: head, then Graph, Spec, Preview or Run; `rundetail` shows a run also on the Runs page."""

from app.panel.frame import panel

__all__ = ["panel"]
