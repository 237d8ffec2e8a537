"""Templates: specs that are found by their path, those that come with Penstock and those of this home.

| where | whose | shape |
|---|---|---|
| `configs/` of Penstock | everybody's | `gallery/<name>.yml`, `<provider>/<domain>/<pipeline>.yml` |
| `$PENSTOCK_HOME/templates/` | all tenants of this home | the same |
| `$PENSTOCK_HOME/templates/@<tenant>/` | one tenant's | the same |

A template's name is its path without the ending: `gallery/basic_etl`, `cloud/gcp/billing`. Two of one name are an error, never a silent
choice. Nothing outside of these folders is a template: no `..`, no link, no hidden file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flows.errors import InputError, MissingError
from flows.settings import Settings
from flows.spec.loader import Lines, read, read_text
from flows.spec.model import FlowSpec
from flows.spec.placeholder import names
from flows.spec.suggest import did_you_mean

SHIPPED = Path(__file__).resolve().parents[2] / "configs"
OWN = "templates"
GALLERY = "gallery"
RESERVED = ("system", "prompts")
"""Folders of configs/ that hold something else."""
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
ENDINGS = (".yml", ".yaml")
HOW = "# How it works"


@dataclass(frozen=True)
class Template:
    """One template. `name` is its path without the ending; `whose` is Penstock, this home, or a tenant."""

    name: str
    path: Path
    whose: str

    @property
    def domain(self) -> str:
        """What it is listed under: `gallery`, `cloud/gcp`."""
        return self.name.rpartition("/")[0]

    @cached_property
    def text(self) -> str:
        """The YAML as it stands in the file. Raises InputError, MissingError, SpecError (size, encoding)."""
        return read_text(self.path)

    @cached_property
    def _read(self) -> tuple[FlowSpec, Lines]:
        spec, lines = read(self.text, where=self.name)
        return placed(spec, self.name), lines

    @property
    def spec(self) -> FlowSpec:
        """The spec, with provider and domain of its path as variables where it uses them. Raises SpecError with every problem."""
        return self._read[0]

    @property
    def lines(self) -> Lines:
        return self._read[1]

    @property
    def title(self) -> str:
        return self.spec.name or self.name

    @property
    def sentence(self) -> str:
        return self.spec.description

    @property
    def how(self) -> str:
        """How it works: the comment block at the head of the file, without its heading; empty when there is none."""
        return how(self.text)

    @cached_property
    def problem(self) -> str:
        """Why it cannot be read, in one line; empty when it can."""
        try:
            self.spec.as_dict()
        except InputError as error:
            return str(error)
        return ""


def how(text: str) -> str:
    """The comment block that begins with `# How it works`, from the head of a file, without `# `."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != HOW:
        return ""
    end = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(line.removeprefix("#").removeprefix(" ").rstrip() for line in lines[1:end]).strip("\n")


def templates(settings: Settings) -> list[Template]:
    """All that there are for this tenant, by name; of two that share a name both, so that a list can say so."""
    found = [template for root, whose in _roots(settings) for template in _below(root, whose)]
    return sorted(found, key=lambda template: (template.domain != GALLERY, template.domain, template.name))


def find(name: str, settings: Settings) -> Template:
    """The template of that name; `configs/gallery/basic_etl.yml` is the same as `gallery/basic_etl`.

    Raises MissingError with the near misses, InputError when two have the name.
    """
    word = plain_name(name)
    known = [*_named(word, settings)] if word else []
    if len(known) > 1:
        raise InputError(f"there are two templates {word!r}: one of {known[0].whose} and one of {known[1].whose}", where=str(known[1].path),
                         fix="Give your own another name")
    if not known:
        near = did_you_mean(word or name, [template.name for template in templates(settings)])
        raise MissingError(f"there is no template {name!r}", fix=near or "List them: penstock templates")
    return known[0]


def plain_name(text: str) -> str:
    """The name that a text may stand for, `gallery/x` or `provider/domain/pipeline`; empty when it can be none."""
    for ending in ENDINGS:
        if text.startswith("configs/") and text.endswith(ending):
            text = text.removeprefix("configs/").removesuffix(ending)
    parts = text.split("/")
    shaped = len(parts) == 3 or (len(parts) == 2 and parts[0] == GALLERY)
    return text if shaped and parts[0] not in RESERVED and all(PART.fullmatch(part) for part in parts) else ""


def placed(spec: FlowSpec, name: str) -> FlowSpec:
    """The spec with {provider} and {domain} as its path says them; variables of its own go first."""
    parts = name.split("/")
    if len(parts) != 3:
        return spec
    text = spec.model_dump_json()
    used = {word for word in names(text) if word in ("provider", "domain") and word not in spec.variables}
    if not used:
        return spec
    known = {word: value for word, value in zip(("provider", "domain"), parts, strict=False) if word in used}
    return FlowSpec.model_validate({**spec.as_dict(), "variables": {**known, **spec.variables}})


def name_of(path: Path) -> str:
    """The name of a file below a folder `configs` or `templates`, wherever that is; empty for any other file."""
    parts = path.absolute().with_suffix("").parts
    for top in ("configs", OWN):
        if top in parts:
            below = parts[len(parts) - parts[::-1].index(top):]
            return plain_name("/".join(part for part in below if not part.startswith("@")))
    return ""


def _roots(settings: Settings) -> Iterator[tuple[Path, str]]:
    own = settings.home / OWN
    yield SHIPPED, "Penstock"
    yield own, "this home"
    yield own / f"@{settings.tenant_id}", f"tenant {settings.tenant_id}"


def _named(name: str, settings: Settings) -> Iterator[Template]:
    for root, whose in _roots(settings):
        for ending in ENDINGS:
            file = root / f"{name}{ending}"
            if _inside(file, root):
                yield Template(name, file, whose)


def _below(root: Path, whose: str) -> Iterator[Template]:
    for depth in (f"{GALLERY}/*", "*/*/*"):
        for file in sorted(root.glob(depth)):
            name = plain_name(file.relative_to(root).with_suffix("").as_posix())
            if file.suffix in ENDINGS and name and _inside(file, root):
                yield Template(name, file, whose)


def _inside(file: Path, root: Path) -> bool:
    """A plain file below the root with no link on the way."""
    try:
        steps = [root.joinpath(*file.relative_to(root).parts[:n]) for n in range(1, len(file.relative_to(root).parts) + 1)]
        return file.is_file() and not any(step.is_symlink() for step in steps)
    except (OSError, ValueError):
        return False
