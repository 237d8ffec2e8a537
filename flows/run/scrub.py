"""The scrubber under its former name."""

from flows.scrub import MASK, Scrubber, without_login

__all__ = ["MASK", "Scrubber", "without_login"]
