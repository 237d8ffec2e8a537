"""Post a message to Slack from inside a pipeline, with how the run stands, over an incoming webhook.

The connection is the webhook's address, as PENSTOCK_CONN_SLACK or in connections.yml; a webhook posts into one channel, so #data may have
a connection of its own, `slack_data` (PENSTOCK_CONN_SLACK_DATA). To tell people how a run ended, `notify` of the pipeline is simpler and
cannot fail the run; this step is for a message that belongs to the work, for example with `trigger: on_failure` or `always`. A message
that cannot be sent fails the step, as any step fails.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from flows.engines import slack
from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult
from flows.engines.patience import patiently
from flows.engines.wording import notice_of, would_say
from flows.warehouse.base import Column

REPEATABLE = False


class Post(Block):
    """Where to post, and what."""

    connection: str = Field("", description=f"the webhook: PENSTOCK_CONN_SLACK={slack.LIKE}; default: slack_<channel>, else slack")
    channel: str = Field("", description="#channel or @name; default: the one the webhook is for")
    subject: str = Field("", description="first line; default: what became of the pipeline, or its name")
    text: str = Field("", description="what is to be said; may hold placeholders")
    include_summary: bool = Field(True, description="add how the run stands: steps, rows, the first error")

    @field_validator("channel")
    @classmethod
    def plain_channel(cls, value: str) -> str:
        if value and not slack.is_channel(value):
            raise ValueError(f"{value!r} is no channel, write it like #data or @name")
        return value


class Config(EngineConfig):
    """`config`: channel, subject, text, include_summary and connection."""

    config: Post


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read."""
    return ()


def run(config: Config, context: Context) -> StepResult:
    said = config.config
    notice = notice_of(config.config, context)
    body, name = slack.payload(notice, said.channel), said.connection or slack.connection_of(context.connections, said.channel)
    patiently(lambda: slack.post(context.connections, name, body, limits=context.limits, cancel=context.cancel),
              context.cancel, retried=context.retried)
    return StepResult(notes=[f"posted to {said.channel or 'Slack'}"], outputs={"channel": said.channel, "subject": notice.title})


def preview(config: Config, context: Context) -> StepResult:
    """What would be posted; nothing is."""
    return StepResult(notes=[f"would post to {config.config.channel or 'Slack'}: {would_say(config.config, context)}"])
