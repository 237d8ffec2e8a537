"""Send an e-mail from inside a pipeline, with how the run stands, over the SMTP server of a connection.

The connection is smtp://user:password@host:587?from=name@example.com, as PENSTOCK_CONN_SMTP or in connections.yml; smtps:// is TLS from
the first byte, and smtp:// is encrypted where the server offers it. To tell people how a run ended, `notify` of the pipeline is simpler
and cannot fail the run; this step is for a mail that belongs to the work, for example with `trigger: on_failure` or `always`. A mail
that cannot be sent fails the step, as any step fails.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from flows.engines import mail
from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult
from flows.engines.patience import patiently
from flows.engines.wording import notice_of, would_say
from flows.warehouse.base import Column

REPEATABLE = False


class Mail(Block):
    """Whom to write, and what."""

    connection: str = Field(mail.CONNECTION, min_length=1, description=f"the mail server: PENSTOCK_CONN_SMTP={mail.LIKE}")
    to: str | list[str] = Field(description="one address or several")
    subject: str = Field("", description="default: what became of the pipeline, or its name")
    text: str = Field("", description="what is to be said; may hold placeholders")
    include_summary: bool = Field(True, description="add how the run stands: steps, rows, the first error")

    @field_validator("to")
    @classmethod
    def plain_addresses(cls, value: str | list[str]) -> str | list[str]:
        wrong = [each for each in _all(value) if not mail.is_address(each)]
        if wrong or not value:
            raise ValueError(f"{wrong[0]!r} is no e-mail address, write it like name@example.com" if wrong else "name an address")
        return value


class Config(EngineConfig):
    """`config`: to, subject, text, include_summary and connection."""

    config: Mail


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read."""
    return ()


def run(config: Config, context: Context) -> StepResult:
    said, to = config.config, _all(config.config.to)
    notice = notice_of(config.config, context)
    key = f"{context.run_id}.{context.step_id}"
    patiently(lambda: mail.send(context.connections, said.connection, to, notice, key, limits=context.limits, cancel=context.cancel),
              context.cancel, retried=context.retried)
    return StepResult(notes=[f"mail sent to {', '.join(to)}"], outputs={"to": to, "subject": notice.title})


def preview(config: Config, context: Context) -> StepResult:
    """What would be sent; nothing is."""
    return StepResult(notes=[f"would write to {', '.join(_all(config.config.to))}: {would_say(config.config, context)}"])


def _all(to: str | list[str]) -> list[str]:
    return [to] if isinstance(to, str) else list(dict.fromkeys(to))
