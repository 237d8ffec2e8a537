"""Addresses and secrets of systems by name: from the environment or the operator's connections file, never shown."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from flows.errors import InputError
from flows.insight import shop_api
from flows.insight.sample import TENANT
from flows.scrub import Scrubber, learn
from flows.settings import Settings

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("penstock.connections")

PREFIX = "PENSTOCK_CONN_"
OPEN_HEADERS = ("accept", "accept-language", "content-type", "user-agent")  # what they say is no secret
_TOLD: set[str] = set()
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Entry(BaseModel):
    """One connection: where it is, and what opens it. `token` is sent as a bearer token, `headers` as they stand.

    `tenants` says whose it is, `*` everybody's; left out it is everybody's as long as there is one tenant, or nobody is asked for a key.
    """

    model_config = ConfigDict(extra="forbid")

    url: SecretStr
    token: SecretStr | None = None
    user: SecretStr | None = None
    password: SecretStr | None = None
    headers: dict[str, SecretStr] = {}
    tenants: tuple[str, ...] | None = None


class Connections:
    """What `load_connections` found. Shows names only, whatever asks for its text."""

    def __init__(self, entries: Mapping[str, Entry], env: Mapping[str, str], where: str, *, samples: Collection[str] = (),
                 mine: Callable[[str, Entry], bool] = lambda *_: True) -> None:
        self._entries, self._env, self._where, self._samples, self._mine = dict(entries), env, where, samples, mine

    def names(self) -> list[str]:
        return sorted(name for name, entry in self._entries.items() if self._mine(name, entry))

    def is_sample(self, name: str) -> bool:
        """Is it answered inside this process, with sample rows, because it has no address of its own?"""
        return name in self._samples and self._entry(name) is None

    def transport(self, name: str) -> httpx.BaseTransport | None:
        """What answers the requests of a sample connection; None: the network."""
        if not self.is_sample(name):
            return None
        return shop_api.transport()

    def url(self, name: str) -> str | None:
        """The address, secrets included, or None when the connection has none here. Raises InputError for a missing ${VARIABLE}."""
        entry = self._entry(name)
        if entry is None:
            return shop_api.ADDRESS if name in self._samples else None
        url = self._open(name, entry.url)
        if entry.user is None or url.startswith(("http://", "https://")):
            return url  # over HTTP the login is a header
        parts = [self._open(name, entry.user, secret=False), *([self._open(name, entry.password)] if entry.password else [])]
        login = ":".join(quote(part, safe="") for part in parts)
        scheme, _, rest = url.partition("://")
        place = re.split(r"[/?#]", rest, maxsplit=1)[0]  # what comes behind it may have an @ of its own
        return f"{scheme}://{login}@{place.rpartition('@')[2]}{rest[len(place):]}"

    def headers(self, name: str) -> Mapping[str, str]:
        """What goes with every HTTP request, secrets included: bearer token, basic login or the headers as given."""
        import base64

        entry = self._entry(name)
        if entry is None:
            return {}
        sent = {header: self._open(name, value, secret=header.lower() not in OPEN_HEADERS) for header, value in entry.headers.items()}
        if entry.token:
            sent["Authorization"] = f"Bearer {self._open(name, entry.token)}"
        elif entry.user and entry.password:
            login = f"{self._open(name, entry.user, secret=False)}:{self._open(name, entry.password)}"
            sent["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
            learn(sent["Authorization"].removeprefix("Basic "))
        return sent

    def _entry(self, name: str) -> Entry | None:
        said = self._env.get(variable(name))
        entry = _from_env(name, said) if said else self._entries.get(name)
        return entry if entry is not None and self._mine(name, entry) else None

    def _open(self, name: str, value: SecretStr, *, secret: bool = True) -> str:
        """The value with its variables filled in; from here on this process masks it in whatever it says."""
        def look(found: re.Match[str]) -> str:
            if found[1] not in self._env:
                raise InputError(f"connection {name!r} refers to the variable {found[1]}, which is not set", where=self._where,
                                 fix=f"Set {found[1]} and start again")
            return self._env[found[1]]

        opened = REFERENCE.sub(look, value.get_secret_value())
        if secret:
            learn(opened)
        return opened

    def __repr__(self) -> str:
        return f"Connections({', '.join(self.names())})"


def load_connections(settings: Settings, env: Mapping[str, str] | None = None, *, samples: bool = True) -> Connections:
    """Read `$PENSTOCK_HOME/connections.yml` (name: {url, token, user, password, headers, tenants}, values may hold ${VARIABLES}) and
    PENSTOCK_CONN_<NAME> (a URL, or the same fields as JSON), which goes first. Raises InputError that names place and field, no value.

    One that is another tenant's is not there, in the words for one that never was.
    The demo tenant's `shop_api` is answered by `flows.insight.shop_api` until it has an address; not with `samples` False, for production.
    """
    file = settings.home / "connections.yml"
    entries = _read(file, settings.limits.spec_bytes) if file.exists() else {}
    sample = (shop_api.NAME,) if samples and settings.tenant_id == TENANT else ()
    return Connections(entries, os.environ if env is None else env, str(file), samples=sample, mine=_owner(settings))


def _owner(settings: Settings) -> Callable[[str, Entry], bool]:
    """Judges whether a connection is for the tenant of the settings. The store is asked only about one that does not say whose it is."""
    from flows.store.guard import crowded

    alone: list[bool] = []

    def mine(name: str, entry: Entry) -> bool:
        if entry.tenants is not None:
            return "*" in entry.tenants or settings.tenant_id in entry.tenants
        if not alone:
            alone.append(not crowded(settings.control_url))
        if not alone[0] and name not in _TOLD:
            _TOLD.add(name)
            log.warning("connection %s does not say whose it is, so no tenant has it: write tenants: [...] to it", name)
        return alone[0]

    return mine


def variable(name: str) -> str:
    """The environment variable of a connection: `pg-main` is PENSTOCK_CONN_PG_MAIN."""
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def scrub(text: str, *urls: str | None) -> str:
    """The text without logins and what else opens a door: drivers put whole addresses into their errors."""
    return Scrubber(urls)(text)


def _read(file: Path, limit: int) -> dict[str, Entry]:
    import yaml

    if file.stat().st_mode & 0o004:
        log.warning("%s can be read by everybody on this machine: chmod 600 %s", file, file)
    if file.stat().st_size > limit:
        raise InputError(f"the connections file is larger than {limit // 1024} KiB", where=str(file), fix="Keep only connections in it")
    try:
        data = yaml.safe_load(file.read_text("utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:  # their texts quote the file: only the line is told
        mark = getattr(error, "problem_mark", None)
        raise InputError("the connections file is no valid YAML", where=f"{file}, line {mark.line + 1}" if mark else str(file),
                         fix="Write `name: {url: ...}` for each connection") from None
    if not isinstance(data, dict):
        raise InputError("the connections file must be a mapping of names", where=str(file),
                         fix="Write `name: {url: ...}` for each connection")
    return {str(name): _entry(fields, f"{file}, {name}") for name, fields in data.items()}


def _from_env(name: str, text: str) -> Entry:
    import json

    if not text.lstrip().startswith("{"):
        return Entry(url=SecretStr(text))
    try:
        return _entry(json.loads(text), variable(name))
    except ValueError:
        raise InputError("starts like JSON but is none", where=variable(name), fix="Give a URL or an object with url and token") from None


def _entry(fields: Any, where: str) -> Entry:
    if isinstance(fields, str):
        return Entry(url=SecretStr(fields))
    try:
        return Entry.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{place}: {first['msg']}" if place else first["msg"], where=where,
                         fix="A connection has url, token, user, password, headers and tenants") from None
