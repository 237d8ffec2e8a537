"""The example notebook runs from top to bottom, and what it shows needs no trust and no network."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"


def test_the_notebook_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


@pytest.mark.slow
def test_the_notebook_runs_and_shows_nothing_that_runs_or_is_fetched(tmp_path):
    import nbformat
    from ipykernel.kernelspec import write_kernel_spec
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    write_kernel_spec(tmp_path / "kernels" / "python3")  # of this interpreter, whatever is installed elsewhere
    specs = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")])
    assert specs.get_kernel_spec("python3").argv[0] == sys.executable
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=180, km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
                   resources={"metadata": {"path": str(NOTEBOOK.parents[1])}}).execute()
    shown = [output.data for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs if "data" in output]
    assert len(shown) == 6
    assert sum("<svg" in data.get("text/html", "") for data in shown) == 3  # the plan, the graph, the run
    for data in shown:
        text = json.dumps(dict(data))
        assert "<script" not in text
        assert re.findall(r"https?://(?!127\.0\.0\.1|localhost)[^\s\"<]*", text) == []
