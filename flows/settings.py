"""Environment variables (PENSTOCK_*) and limits, in one place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from flows.errors import InputError

FORMATS = ("console", "json")
ROOT_CHARS, COOKIE_CHARS = 24, 32
LOOPBACK = ("127.0.0.1", "::1", "localhost")
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Limits:
    """Bounds of everything; the unit is in the name."""

    spec_bytes: int = 256 * 1024
    spec_depth: int = 50
    spec_steps: int = 2000
    text_chars: int = 8000
    preview_rows: int = 200
    preview_seconds: float = 30.0
    preview_memory_mb: int = 512
    source_sample_rows: int = 10_000  # rows that a preview reads from a system that is not local
    step_seconds: float = 1800.0
    script_loops: int = 10_000  # turns of all loops of one script of the local warehouse
    query_seconds: float = 300.0  # one statement of `penstock query`, unless told otherwise
    steps_at_once: int = 4  # of one run; steps that only wait are not counted
    duckdb_memory_mb: int = 4096
    move_memory_mb: int = 320  # of a step that reads or writes rows as they are
    duckdb_threads: int = 2
    http_connect_seconds: float = 5.0
    http_read_seconds: float = 30.0
    http_page_bytes: int = 10 * 1024 * 1024
    file_bytes: int = 2 * 1024 * 1024 * 1024
    upload_bytes: int = 50 * 1024 * 1024  # one attached file
    profile_rows: int = 1_000_000  # rows that a profile looks at
    archive_bytes: int = 200 * 1024 * 1024
    archive_ratio: int = 100
    lease_seconds: float = 15.0
    cancel_grace_seconds: float = 1.4  # with two looks of the runner a cancel is over within two seconds, whatever a step does
    file_grace_seconds: float = 3600.0  # how long a replaced lake file stays for readers that still hold its name


@dataclass(frozen=True)
class Oidc:
    """How people sign in with an identity provider: its address (`issuer`, as it stands in its tokens), what Penstock is called there,
    and what signs the cookie of a session."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    admins: tuple[str, ...] = ()  # addresses in small letters: admins of the tenant of PENSTOCK_TENANT, members or not
    hours: int = 12  # that a session lasts

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"


@dataclass(frozen=True)
class Settings:
    """Where things are. Build it with `Settings.load()`; nothing else reads the environment."""

    home: Path
    tenant_id: str = "demo"
    project: str = ""  # what a fully qualified table path may start with, besides the tenant id
    control_url: str = field(default="", repr=False)  # holds a password on PostgreSQL
    prefect_url: str = field(default="", repr=False)  # an own Prefect server; empty: `penstock up` starts one
    prefect_port: int = 4200
    app_port: int = 8501
    app_host: str = "127.0.0.1"  # the address of this machine that the app answers on; another one needs a sign-in
    public_url: str = ""  # where people reach the app, for the links in messages; empty: where it runs on this machine
    max_runs: int = 0  # runs at once; 0: 2 on SQLite, twice the cores on PostgreSQL
    log_format: str = "console"  # of the logs of processes; the log of a run is JSON in any case
    log_level: str = ""  # of what penstock itself says; empty: INFO, of a command WARNING
    api_key: str = field(default="", repr=False)  # whose key a command uses
    root_key: str = field(default="", repr=False)  # the one that is admin of every tenant; set where Penstock is served
    oidc: Oidc | None = None  # none: people sign in with API keys, or not at all on their own machine
    folders: tuple[Path, ...] = ()  # where files may be read and written, the first one is for relative paths that are written
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def load(cls, *, home: str | Path | None = None, tenant_id: str | None = None) -> Settings:
        """Read PENSTOCK_HOME, _TENANT, _CONTROL_URL, _PREFECT_URL, _PREFECT_PORT, _APP_PORT, _APP_HOST, _PUBLIC_URL, _MAX_RUNS, _LOG,
        _LOG_LEVEL, _API_KEY, _ROOT_KEY, _OIDC_ISSUER, _OIDC_CLIENT_ID, _OIDC_CLIENT_SECRET, _OIDC_COOKIE_SECRET, _OIDC_ADMINS,
        _OIDC_HOURS, _PATHS and GOOGLE_CLOUD_PROJECT.

        Raises InputError for a number or an address that is none, or a word that means nothing.
        """
        env = os.environ
        place = Path(home or env.get("PENSTOCK_HOME") or ".penstock").expanduser().absolute()
        extra = [Path(p).expanduser().absolute() for p in env.get("PENSTOCK_PATHS", "").split(os.pathsep) if p]
        settings = cls(
            home=place,
            tenant_id=tenant_id or env.get("PENSTOCK_TENANT") or "demo",
            project=env.get("GOOGLE_CLOUD_PROJECT", ""),
            control_url=env.get("PENSTOCK_CONTROL_URL") or f"sqlite:///{place / 'control.sqlite'}",
            prefect_url=env.get("PENSTOCK_PREFECT_URL", ""),
            prefect_port=_port("PENSTOCK_PREFECT_PORT", 4200),
            app_port=_port("PENSTOCK_APP_PORT", 8501),
            app_host=_host("PENSTOCK_APP_HOST"),
            public_url=_address("PENSTOCK_PUBLIC_URL"),
            max_runs=_number("PENSTOCK_MAX_RUNS", 0),
            log_format=_word("PENSTOCK_LOG", FORMATS, "console"),
            log_level=_word("PENSTOCK_LOG_LEVEL", LEVELS, "").upper(),
            api_key=env.get("PENSTOCK_API_KEY", "").strip(),
            root_key=_root_key(),
            oidc=_oidc(),
            folders=(Path.cwd(), place / "files", *extra),
        )
        check_tenant(settings.tenant_id)
        return settings

    def make_home(self) -> None:
        """The home's folder is there afterwards. Raises InputError where none can be made."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.home} cannot be made: {error.strerror}", where="--home",
                             fix="Name a folder that this user may write, with --home or PENSTOCK_HOME") from None

    def apart(self) -> Settings:
        """The same settings for somebody who is not at this machine: no files but those of their tenant, here and in no other folder."""
        files = self.home / "files"
        return replace(self, folders=(files / "tenants" / self.tenant_id, files / "uploads" / self.tenant_id))

    def with_folder(self, folder: Path) -> Settings:
        """The same settings with one more folder for files, for instance that of the spec file."""
        folder = folder.absolute()
        return self if folder in self.folders else replace(self, folders=(*self.folders, folder))


def check_tenant(tenant_id: str) -> None:
    """A tenant id becomes a folder and a schema: letters, digits, '-' and '_', at most 63. Raises InputError."""
    plain = tenant_id.replace("-", "").replace("_", "")
    if not plain.isalnum() or not plain.isascii() or len(tenant_id) > 63:
        raise InputError(f"tenant {tenant_id!r} is not a valid name", where="--tenant",
                         fix="Use letters, digits, '-' and '_', at most 63 of them")


def _root_key() -> str:
    key = os.environ.get("PENSTOCK_ROOT_KEY", "").strip()
    if key and len(key) < ROOT_CHARS:
        raise InputError(f"the root key has {len(key)} characters", where="PENSTOCK_ROOT_KEY",
                         fix=f"Give it at least {ROOT_CHARS}, for instance: python -c 'import secrets; print(secrets.token_urlsafe(32))'")
    return key


def _oidc() -> Oidc | None:
    """All of it or nothing: with a part of it nobody could tell who is let in."""
    issuer = _address("PENSTOCK_OIDC_ISSUER")
    names = ("PENSTOCK_OIDC_ISSUER", "PENSTOCK_OIDC_CLIENT_ID", "PENSTOCK_OIDC_CLIENT_SECRET", "PENSTOCK_OIDC_COOKIE_SECRET")
    given = {name: os.environ.get(name, "").strip() for name in names}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(names):
        return None
    if missing:
        raise InputError(f"sign-in is set up in part only: {' and '.join(missing)} is missing", where=missing[0],
                         fix="Set all of PENSTOCK_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET and _COOKIE_SECRET, or none")
    if issuer.startswith("http:") and urlsplit(issuer).hostname not in LOOPBACK:
        raise InputError("an identity provider is asked over https only", where=names[0], fix="Write its address with https://")
    cookie = given[names[3]]
    if len(cookie) < COOKIE_CHARS:
        raise InputError(f"the secret of the cookies has {len(cookie)} characters", where=names[3],
                         fix=f"Give it at least {COOKIE_CHARS}, for instance: python -c 'import secrets; print(secrets.token_urlsafe(32))'")
    admins = tuple(each.strip().lower() for each in os.environ.get("PENSTOCK_OIDC_ADMINS", "").split(",") if each.strip())
    if wrong := [each for each in admins if "@" not in each]:
        raise InputError(f"{wrong[0]!r} is no e-mail address", where="PENSTOCK_OIDC_ADMINS", fix="Write addresses with commas between them")
    return Oidc(given[names[0]], given[names[1]], given[names[2]], cookie, admins, _number("PENSTOCK_OIDC_HOURS", 12) or 12)


def _address(name: str) -> str:
    """A web address that a path can be put behind; it stands in messages, so it holds no login."""
    text = os.environ.get(name, "").strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > 200 or re.search(r"[^!-~]|[@?#<>\"|\\]", text):
        raise InputError("this is no address that links can begin with", where=name,
                         fix=f"Unset {name} or write it like https://penstock.example.com, without a login")
    return text


def _host(name: str) -> str:
    """An address of this machine."""
    text = os.environ.get(name, "").strip()
    try:
        return str(ip_address(text)) if text else "127.0.0.1"
    except ValueError:
        raise InputError(f"{text!r} is no IP address", where=name,
                         fix=f"Unset {name}, or write 0.0.0.0 to answer on every address of this machine") from None


def _port(name: str, default: int) -> int:
    """A TCP port; 0 is any free one."""
    port = _number(name, default)
    if port > 65_535:
        raise InputError(f"{port} is not a port: the highest is 65535", where=name, fix=f"Unset {name} or give it a number like {default}")
    return port


def _word(name: str, words: tuple[str, ...], default: str) -> str:
    text = os.environ.get(name, "").strip().lower()
    if text and text not in words:
        raise InputError(f"{text!r} is none of {', '.join(words)}", where=name, fix=f"Unset {name} or give it one of these")
    return text or default


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise InputError(f"{text!r} is not a whole number", where=name, fix=f"Unset {name} or give it a number like {default}")
    return int(text)
