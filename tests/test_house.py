"""The rules of the house: who may import whom, where frameworks live, how large a thing may grow. Each rule is tried on a breach."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# a room may import rooms further left, never further right
FLOORS = [{"errors"}, {"access", "events", "settings", "logs", "scrub"}, {"spec", "store", "stages", "show"}, {"warehouse", "metrics"},
          {"transform", "insight"}, {"engines"}, {"checks", "run"}, {"planner", "main"}, {"service"}, {"cli", "mcp"}]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
APP_MAY = ("flows.service", "flows.spec", "flows.errors", "flows.show")

# where a framework may be imported at all
HOMES = {
    "prefect": ("flows.run", "flows.main"),
    "langchain": ("flows.planner.model", "flows.planner.router"),
    "streamlit": ("app",),
    "duckdb": ("flows.warehouse",),
    "structlog": ("flows.logs",),
    "prometheus_client": ("flows.metrics",),
    "mcp": ("flows.mcp",),
    "google": ("flows.warehouse", "flows.engines.gcp", "flows.engines.cloud"),
}
NOT_HOME = {"prefect": ("flows.run.plan", "flows.run.preview", "flows.run.ledger")}
# modules that `penstock plan` loads must start fast: these come in inside functions, and only there
HEAVY = {"prefect", "pandas", "duckdb", "sqlglot", "sqlalchemy", "google", "pyarrow", "streamlit", "langchain", "numpy",
         "structlog", "prometheus_client"}
LIGHT = ("flows.errors", "flows.settings", "flows.logs", "flows.scrub", "flows.metrics", "flows.spec", "flows.show",
         "flows.insight.catalog", "flows.planner", "flows.service", "flows.cli", "flows.warehouse.base", "flows.engines.base")
FILE_LINES, FUNCTION_LINES = 400, 50
BROAD = {"flows.run.step"}


class Module:
    """One source file: its dotted name, its tree and what it imports."""

    def __init__(self, root: Path, path: Path) -> None:
        self.path, self.place = path, path.relative_to(root)
        parts = self.place.with_suffix("").parts
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.package = ".".join(parts[:-1])
        self.name = self.package if parts[-1] == "__init__" else ".".join(parts)

    @cached_property
    def everything(self) -> list[tuple[int, str]]:
        return list(self._imports(loading=False))

    def imports(self, *, loading: bool = False) -> Iterator[tuple[int, str]]:
        """Line and full dotted name of every import; with `loading` only those that happen when the module is loaded."""
        yield from self._imports(loading=True) if loading else self.everything

    def _imports(self, *, loading: bool) -> Iterator[tuple[int, str]]:
        for node in self._walk(self.tree, loading):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
                    base = ".".join([*above, *([base] if base else [])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def _walk(self, node: ast.AST, loading: bool) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if loading and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if loading and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield child
            yield from self._walk(child, loading)


@cache
def modules(root: Path) -> list[Module]:
    return [Module(root, path) for room in ("flows", "app") for path in sorted(root.glob(f"{room}/**/*.py"))]


def inside(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def framework(name: str) -> str:
    top = name.split(".")[0]
    return next((home for home in ("langchain", "prefect") if top.startswith(home)), top)


def floors(root: Path) -> Iterator[str]:
    """A room imports only rooms below it; the app sees three doors only."""
    for module in modules(root):
        own = module.name.split(".")[1:2]
        for line, name in module.imports():
            top, room = name.split(".")[0], name.split(".")[1:2]
            if module.name.startswith("flows") and top == "app":
                yield f"{module.place}:{line} flows never imports app"
            elif module.name.startswith("app") and top == "flows" and not inside(name, APP_MAY) and name != "flows.Penstock":
                yield f"{module.place}:{line} app may import {', '.join(APP_MAY)}, not {name}"
            elif module.name.startswith("flows.") and top == "flows" and room and FLOOR.get(room[0], -1) > FLOOR.get(own[0], -1):
                yield f"{module.place}:{line} {own[0]} may not import {room[0]}: it lives upstairs"


def rooms(root: Path) -> Iterator[str]:
    """Every room stands on a floor, so that none escapes the rule above."""
    for path in sorted(root.glob("flows/*")):
        if path.suffix == ".py" or any(path.glob("**/*.py")):
            room = path.stem
            if room not in FLOOR and room != "__init__":
                yield f"flows/{path.name} stands on no floor"


def homes(root: Path) -> Iterator[str]:
    """Each framework has one home."""
    for module in modules(root):
        for line, name in module.imports():
            top = framework(name)
            if top in HOMES and (not inside(module.name, HOMES[top]) or inside(module.name, NOT_HOME.get(top, ()))):
                yield f"{module.place}:{line} {top} belongs in {', '.join(HOMES[top])}"


def light(root: Path) -> Iterator[str]:
    """What `penstock plan` loads imports nothing heavy at module level."""
    for module in modules(root):
        if inside(module.name, LIGHT):
            for line, name in module.imports(loading=True):
                if framework(name) in HEAVY:
                    yield f"{module.place}:{line} {name} is heavy: import it inside the function that needs it"


def strangers(root: Path) -> Iterator[str]:
    """Engines (flows/engines/<group>/<name>.py) never import each other; what they share lies beside the groups."""
    for module in modules(root):
        own = module.name.split(".")
        for line, name in module.imports():
            other = name.split(".")
            if own[:2] == other[:2] == ["flows", "engines"] and len(own) > 3 and own[:4] != other[:4] \
                    and (root.joinpath(*other[:3]).is_dir() or len(other) > 4):
                yield f"{module.place}:{line} an engine imports the engine {'.'.join(other[2:4])}"


def told(root: Path) -> Iterator[str]:
    """Every module says in its first sentence what it is for."""
    for module in modules(root):
        if module.text.strip() and not (ast.get_docstring(module.tree) or "").split("\n\n")[0].endswith((".", ":")):
            yield f"{module.place} has no first sentence"


def circles(root: Path) -> Iterator[str]:
    """No module is loaded by what it loads itself."""
    found = modules(root)
    known = {module.name for module in found}
    graph = {}
    for module in found:
        targets = set()
        for _, name in module.imports(loading=True):
            target = name if name in known else name.rpartition(".")[0]
            if target in known and target != module.name:
                targets.add(target)
        graph[module.name] = targets
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "circle: " + " -> ".join(error.args[1])


def names(root: Path) -> Iterator[str]:
    """A module directly in flows/ or app/ hides no other: Prefect and Streamlit put these folders on the path."""
    for room in ("flows", "app"):
        for path in sorted(root.glob(f"{room}/*")):
            if path.stem in sys.stdlib_module_names | {"flows", "app", "tests"} and path.stem not in ("__init__", "__main__"):
                yield f"{room}/{path.name} hides the module {path.stem!r}"


def sizes(root: Path) -> Iterator[str]:
    """A file fits in the head, a function on the screen."""
    for module in modules(root):
        lines = module.text.count("\n")
        if lines > FILE_LINES:
            yield f"{module.place} has {lines} lines, more than {FILE_LINES}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "versions" not in module.place.parts:  # a revision is a list
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                length = (node.end_lineno or 0) - body[0].lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{module.place}:{node.lineno} {node.name} has {length} lines, more than {FUNCTION_LINES}"


def broad(root: Path) -> Iterator[str]:
    """Only where a stranger's failure becomes a state is every exception caught."""
    for module in modules(root):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and module.name not in BROAD and not ends_raising(node):
                caught = ast.unparse(node.type) if node.type else "everything"
                if caught == "everything" or re.search(r"\b(Base)?Exception\b", caught):
                    yield f"{module.place}:{node.lineno} catches {caught}: name what is expected"


def ends_raising(handler: ast.ExceptHandler) -> bool:
    """A handler that tidies up and lets the error go on catches nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def open_ends(root: Path) -> Iterator[str]:
    """Nothing is shipped half done."""
    mark = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
    for path in shipped(root):
        for line, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if mark.search(text):
                yield f"{path.relative_to(root)}:{line} {text.strip()}"


def addresses(root: Path) -> Iterator[str]:
    """No package index, mirror or machine path stands in the repository: where packages come from is the machine's business."""
    host = re.compile(r"(--(extra-)?index-url|--find-links|--trusted-host)[ =]+\S|(pypi|pythonhosted|files\.python)[\w.-]*"
                      r"\.(org|net|com|io)|\w+://[\w./-]*/(simple|wheels)\b|/opt/(pypi|wheels)|/work/(main|shared)")
    for path in shipped(root):
        for line, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if host.search(text):
                yield f"{path.relative_to(root)}:{line} {text.strip()[:120]}"


def packages(root: Path) -> Iterator[str]:
    """A package below tests/ would hide the real one of the same name; two test files of one name hide each other."""
    seen: dict[str, Path] = {}
    for path in sorted(root.glob("tests/**/*.py")):
        if path.name == "__init__.py":
            yield f"{path.relative_to(root)} makes tests a package"
        elif path.name in seen and path.name.startswith("test_"):
            yield f"{path.relative_to(root)} has the name of {seen[path.name].relative_to(root)}"
        seen.setdefault(path.name, path)


def shipped(root: Path) -> Iterator[Path]:
    """Every text file of the repository: as git knows it, else as it lies there. This file holds the patterns themselves."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=False)
    inside_git = listed.returncode == 0 and listed.stdout
    files = [root / name for name in listed.stdout.splitlines()] if inside_git else [p for p in root.rglob("*") if p.is_file()]
    for path in files:
        if path.is_file() and path.resolve() != Path(__file__).resolve() and b"\0" not in path.read_bytes()[:1024]:
            yield path


RULES = [floors, rooms, homes, light, strangers, told, circles, names, sizes, broad, open_ends, addresses, packages]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule):
    assert list(rule(ROOT)) == []


BREACHES = [
    (floors, {"flows/store/a.py": "def f():\n    from flows.run import plan\n"}, "store may not import run: it lives upstairs"),
    (floors, {"flows/spec/a.py": "from ..planner import lexicon\n"}, "spec may not import planner"),
    (floors, {"flows/run/a.py": "import app.main\n"}, "flows never imports app"),
    (floors, {"app/main.py": "from flows.store import open_store\n"}, "app may import flows.service"),
    (rooms, {"flows/attic/a.py": ""}, "flows/attic stands on no floor"),
    (homes, {"flows/store/a.py": "def f():\n    import prefect.client\n"}, "prefect belongs in flows.run, flows.main"),
    (homes, {"flows/run/preview.py": "from prefect import flow\n"}, "prefect belongs in"),
    (homes, {"flows/planner/read.py": "import langchain_openai\n"}, "langchain belongs in"),
    (homes, {"flows/engines/a.py": "import duckdb\n"}, "duckdb belongs in flows.warehouse"),
    (light, {"flows/spec/a.py": "import sqlglot\n"}, "sqlglot is heavy"),
    (light, {"flows/planner/a.py": "class A:\n    import pandas.io\n"}, "pandas.io is heavy"),
    (strangers, {"flows/engines/generic/a.py": "from flows.engines.generic import b\n", "flows/engines/generic/b.py": ""},
     "imports the engine generic.b"),
    (strangers, {"flows/engines/cloud/a.py": "from flows.engines.generic.b import run\n", "flows/engines/generic/b.py": ""},
     "imports the engine generic.b"),
    (told, {"flows/spec/a.py": "x = 1\n"}, "has no first sentence"),
    (told, {"flows/spec/a.py": '"""A name"""\n'}, "has no first sentence"),
    (circles, {"flows/spec/a.py": "from flows.spec import b\n", "flows/spec/b.py": "from .a import x\n", "flows/spec/__init__.py": ""},
     "circle: "),
    (names, {"flows/queue.py": ""}, "hides the module 'queue'"),
    (names, {"app/flows.py": ""}, "hides the module 'flows'"),
    (names, {"flows/email/a.py": ""}, "hides the module 'email'"),
    (sizes, {"flows/spec/a.py": "x = 1\n" * 401}, "has 401 lines, more than 400"),
    (sizes, {"flows/spec/a.py": "def f():\n" + "    x = 1\n" * 51}, "f has 51 lines, more than 50"),
    (broad, {"flows/spec/a.py": "try:\n    pass\nexcept Exception:\n    pass\n"}, "catches Exception"),
    (broad, {"flows/spec/a.py": "try:\n    pass\nexcept:\n    pass\n"}, "catches everything"),
    (broad, {"flows/spec/a.py": "try:\n    pass\nexcept (OSError, BaseException):\n    pass\n"}, "BaseException"),
    (open_ends, {"docs.md": "TO" + "DO: later\n"}, "docs.md:1"),
    (addresses, {"constraints.txt": "--extra-index-url " + "https://example.com/x\n"}, "constraints.txt:1"),
    (addresses, {"a/b.toml": 'url = "https://' + 'pypi.org/simple"\n'}, "a/b.toml:1"),
    (addresses, {"a.sh": "pip install -f /op" + "t/wheels x\n"}, "a.sh:1"),
    (packages, {"tests/flows/__init__.py": ""}, "makes tests a package"),
    (packages, {"tests/a/test_x.py": "", "tests/b/test_x.py": ""}, "has the name of"),
]


@pytest.mark.parametrize(("rule", "files", "message"), BREACHES, ids=[f"{rule.__name__}-{i}" for i, (rule, _, _) in enumerate(BREACHES)])
def test_a_breach_is_found(tmp_path, rule, files, message):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = list(rule(tmp_path))
    assert len(found) == 1
    assert message in found[0]


ALLOWED = {
    "flows/engines/rest.py": "x = 1\n",
    "flows/engines/generic/a.py": "from flows.engines.base import Block\nfrom flows.engines.rest import get\n",
    "flows/spec/a.py": "from flows.errors import InputError\nfrom .b import x\n",
    "flows/spec/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pyarrow\n    from flows.spec import a\n"
                       "def f():\n    import sqlglot\n    from flows.spec import a\n",
    "flows/errors.py": "", "flows/run/runner.py": "import prefect\n", "flows/warehouse/lake.py": "import duckdb\n",
    "app/main.py": "import streamlit\nfrom flows.service import Penstock\n", "app/pages/email.py": "",
    "flows/store/c.py": "try:\n    pass\nexcept Exception:\n    x = 1\n    raise\n",
    "flows/run/step.py": "try:\n    pass\nexcept Exception:\n    pass\n",
    "tests/flows/test_a.py": "", "tests/fixtures/peers.py": "", "README.md": "See https://example.com/docs\n",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_allowed_is_let_through(tmp_path, rule):
    for name, text in ALLOWED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        said = '"""Something."""\n' if text and name.endswith(".py") else ""
        (tmp_path / name).write_text(said + text, encoding="utf-8")
    assert list(rule(tmp_path)) == []
