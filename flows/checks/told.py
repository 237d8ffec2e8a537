"""Whether those who are to be told can be: a mail server or a webhook that is not set up is a warning, the pipeline runs without it."""

from __future__ import annotations

from collections.abc import Iterator

from flows.checks.case import Case
from flows.engines import mail, slack
from flows.errors import InputError, Problem
from flows.insight.connections import Connections, load_connections, variable

STEPS = {"shared.email_notification": mail.CONNECTION, "shared.slack_notification": slack.CONNECTION}


def unheard(case: Case) -> Iterator[Problem]:
    """Every entry of `notify`, and every step that tells somebody, whose connection has no address here."""
    connections = load_connections(case.settings)
    for n, note in enumerate(case.spec.notify):
        name = mail.CONNECTION if note.channel == "email" else _hook(connections, note.target)
        yield from _missing(connections, name, f"notify.{n}", f"{note.target} cannot be told")
    for step in case.spec.steps:
        if step.ps_type in STEPS and step.step_id not in case.open:
            said = step.config or {}
            name = str(said.get("connection") or (STEPS[step.ps_type] if step.ps_type == "shared.email_notification"
                                                  else _hook(connections, str(said.get("channel") or ""))))
            yield from _missing(connections, name, f"steps.{step.step_id}.config", "nothing can be sent")


def _hook(connections: Connections, channel: str) -> str:
    try:
        return slack.connection_of(connections, channel)
    except InputError:  # said of the connection itself
        return slack.CONNECTION


def _missing(connections: Connections, name: str, where: str, what: str) -> Iterator[Problem]:
    like = mail.LIKE if name == mail.CONNECTION else slack.LIKE if name.startswith(slack.CONNECTION) else "its address"
    try:
        if connections.url(name) is None:
            yield Problem(where, "not_connected", f"{what}: connection {name!r} has no address here", f"Set {variable(name)}={like}")
    except InputError as error:
        yield Problem(where, "not_connected", f"{what}: {error.what}", error.fix)
