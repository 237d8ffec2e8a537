"""What became of a run, in a sentence: what happened, what is safe, what to do next."""

from __future__ import annotations

import streamlit as st

from app.door import service
from app.panel.book import Book
from app.panel.words import sentence
from app.parts.escape import plain, quoted
from flows.show.units import several

RESUME = "choose **Resume from failed step**. The steps before it are kept."


def verdict(seen: Book, *, key: str) -> None:
    """A box where somebody must act, a quiet line where not; nothing while all is well."""
    status = seen.run.status
    if status == "FAILED":
        st.error(failed(seen), icon=":material/error:")
    elif status == "CRASHED":
        why = quoted(sentence(seen.run.error or "its runner was lost"))
        st.error(f"**The run crashed.** {why} Choose **Resume from failed step**; what had finished is kept.", icon=":material/warning:")
    elif status == "CANCELLED":
        st.warning(stopped(seen), icon=":material/stop_circle:")
    elif (said := again(seen)):
        st.markdown(f":gray[:material/restart_alt:] {quoted(said)}")
    elif status == "PENDING" and (why := service().why(seen.run.run_id)):
        st.markdown(f":gray[:material/schedule:] {quoted(why)}")


def failed(seen: Book) -> str:
    """Which step, after how many tries, why, and the way out."""
    step = seen.broken
    if step is None:
        return f"**The run failed.** {quoted(sentence(seen.run.error or 'no step says why'))} Read the log, then choose **Run again**."
    tries = several(step["attempts"], "try", "tries")
    what = "took too long" if step["status"] == "TIMED_OUT" else "failed"
    name = plain(step["step_id"])
    return (f"**{name} {what} after {tries}.** {quoted((step['error'] or 'The log says why').rstrip('.'))}. "
            f"When that is mended, {RESUME}")


def again(seen: Book) -> str:
    """That a run was taken up again, while it waits or works; "" for one that was not."""
    attempt = seen.run.attempt + (seen.run.status == "PENDING" and bool(seen.run.started_at) and not seen.run.owner)
    if not seen.live or attempt < 2:
        return ""
    return f"Its runner was lost: taken up again, attempt {attempt}. What had finished is kept."


def stopped(seen: Book) -> str:
    """What was kept and whether something was written: only what is true."""
    kept = any(step["status"] == "SUCCESS" for step in seen.steps)
    said = ["**Stopped.**"]
    if kept and not seen.wrote:
        said.append("Steps that had finished keep their result; nothing was written to the target table.")
    elif kept:
        said.append("Steps that had finished keep their result, also what they wrote.")
    else:
        said.append("No step had finished; nothing was written.")
    if seen.run.error:
        said.append(quoted(sentence(seen.run.error)))
    return " ".join(said)
