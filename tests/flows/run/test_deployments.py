"""prefect.yaml: what it names is there, and Prefect reads it as it is meant."""

import asyncio
from pathlib import Path

import pytest
import yaml

from flows.run.child import ENTRYPOINT, entry
from flows.spec.loader import parse

FILE = Path(__file__).parents[3] / "prefect.yaml"


def deployments():
    return yaml.safe_load(FILE.read_text())["deployments"]


def test_prefect_reads_the_file_and_finds_the_flow():
    from prefect.cli.deploy._config import _load_deploy_configs_and_actions
    from prefect.flows import load_flow_from_entrypoint
    from rich.console import Console

    found, _ = _load_deploy_configs_and_actions(prefect_file=FILE, console=Console())
    assert [d["name"] for d in found] == [d["name"] for d in deployments()]
    for each in found:
        assert each["entrypoint"] == ENTRYPOINT
        flow = load_flow_from_entrypoint(each["entrypoint"])
        assert flow.name == entry().name == "run-pipeline"
        assert set(each["parameters"]) == set(flow.parameters.properties)
        assert each["work_pool"]["name"] == "penstock"


def test_the_specs_in_it_hold():
    from flows.checks import validate
    from flows.insight.catalog import default_catalog
    from flows.settings import Settings

    settings = Settings(home=Path("/nonexistent"))
    for each in deployments():
        spec = parse(yaml.safe_dump(each["parameters"]["spec"]))
        assert validate(spec, level="semantic", catalog=default_catalog(settings), settings=settings).problems == []


def worker(kind):
    if kind == "cloud-run-v2":
        from prefect_gcp.workers.cloud_run_v2 import CloudRunWorkerV2

        return CloudRunWorkerV2
    if kind == "kubernetes":
        from prefect_kubernetes.worker import KubernetesWorker

        return KubernetesWorker
    from prefect.workers.process import ProcessWorker

    return ProcessWorker


@pytest.mark.parametrize("kind", ["process", "cloud-run-v2", "kubernetes"])
def test_each_kind_of_worker_takes_its_example(kind, monkeypatch):
    from google.auth.credentials import AnonymousCredentials

    monkeypatch.setattr("google.auth.default", lambda **_: (AnonymousCredentials(), "my-project"))  # Cloud Run's asks at once who it is
    pool = yaml.safe_load(FILE.read_text())["definitions"]["work_pools"][kind]
    template = worker(kind).get_default_base_job_template()
    assert set(pool["job_variables"]) <= set(template["variables"]["properties"])
    load = worker(kind).job_configuration.from_template_and_values
    made = asyncio.run(load(base_job_template=template, values=pool["job_variables"], client=object()))  # nothing in it asks a server
    assert made.env["PENSTOCK_TENANT"] == "demo"
    said = made.model_dump_json()
    for name, value in pool["job_variables"].items():
        if isinstance(value, str):
            assert value in said, name
