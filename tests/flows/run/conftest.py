"""Small engines and a home of its own for the tests of running."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from flows.engines import registry
from flows.engines.base import Block, EngineConfig, StepResult
from flows.errors import DataError, InputError, TransientError
from flows.insight.catalog import Catalog
from flows.settings import Settings
from flows.spec.model import FlowSpec

TRIED: list[str] = []


class Settings_(Block):
    seconds: float = 0
    error: str = ""
    good_after: int = 0
    inputs: list[str] = []


class Config(EngineConfig):
    config: Settings_ = Settings_()


ERRORS = {"data": DataError("12 rows are wrong"), "transient": TransientError("the peer is busy"), "timeout": TimeoutError("no answer"),
          "config": InputError("there is no such thing"), "strange": KeyError("password=hunter22"), "exit": SystemExit(3),
          "url": DataError("cannot read postgres://me:s3cr3t@db/x")}


def run(config: Config, context) -> StepResult:  # type: ignore[no-untyped-def]
    TRIED.append(context.step_id)
    context.warehouse.refresh()  # a session is opened for who asks for something
    if config.config.seconds and context.cancel.wait(config.config.seconds):
        context.cancel.check()
    if config.config.error and TRIED.count(context.step_id) > config.config.good_after > 0:
        return StepResult(rows=1)
    if config.config.error == "statement":
        context.warehouse.cancelled.wait(30)
        raise DataError("interrupted")
    if config.config.error:
        raise ERRORS[config.config.error]
    return StepResult(rows=1, outputs={"seen": sorted(context.inputs)})


def inputs(config: Config) -> list[str]:
    return list(config.config.inputs)


@pytest.fixture
def tried() -> list[str]:
    TRIED.clear()
    return TRIED


@pytest.fixture
def fake_engines(monkeypatch: pytest.MonkeyPatch, tried: list[str]) -> None:
    """`test.fake` does what its config says; all other engines are the real ones."""
    module = ModuleType("fake")
    module.run, module.inputs = run, inputs  # type: ignore[attr-defined]
    fake = registry.Loaded("test.fake", "A fake", Config, module)
    real = registry.engine
    monkeypatch.setattr(registry, "engine", lambda name: fake if name == "test.fake" else real(name))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "data").mkdir()
    return Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}", folders=(tmp_path / "data",))


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


def build(*steps: dict, **more) -> FlowSpec:  # type: ignore[type-arg,no-untyped-def]
    """A spec of fake steps: `build({"step_id": "a", "depends_on": []}, ...)`; other keys than the contract's go into `config`."""
    known = {"step_id", "ps_type", "depends_on", "trigger", "retry", "timeout_seconds", "parallel_group", "source", "destination", "config"}
    full = []
    for step in steps:
        config = {k: v for k, v in step.items() if k not in known}
        full.append({"ps_type": "test.fake", **{k: v for k, v in step.items() if k in known}, **({"config": config} if config else {})})
    return FlowSpec.model_validate({"pipeline_id": "p", **more, "steps": full})


@pytest.fixture
def spec_of():  # type: ignore[no-untyped-def]
    return build
