"""Which hosts may be asked: those of declared connections, and never a cloud's metadata service."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from flows.engines.base import Connections
from flows.errors import InputError, UnreachableError

if TYPE_CHECKING:
    import httpx


def no_address(connection: str) -> InputError:
    """What every engine says when a connection has no address here."""
    from flows.insight.connections import variable

    return InputError(f"connection {connection!r} has no address here",
                      fix=f"Set {variable(connection)}, or name it in connections.yml of PENSTOCK_HOME")


def address(base: str, endpoint: str, connection: str) -> httpx.URL:
    """The endpoint below the connection's address. Raises InputError when it would leave the declared host or path."""
    import httpx

    where = f"connection {connection!r}"
    try:
        root, asked = httpx.URL(base), httpx.URL(endpoint)
    except httpx.InvalidURL as error:
        raise InputError("the address is no URL", where=where, fix="Write http(s)://host[:port]/path") from error
    if root.scheme not in ("http", "https") or not root.host:
        raise InputError(f"the address has the scheme {root.scheme!r}", where=where, fix="A REST connection is http(s)://host[:port]/path")
    if asked.scheme or asked.host:
        if asked.userinfo or origin(asked) != origin(root):
            raise InputError(f"endpoint {asked.host or endpoint!r} is not on the host of the connection", where=where,
                             fix="Give the path only; hosts come from declared connections")
        url = asked
    else:
        path, _, query = endpoint.partition("?")
        url = root.copy_with(raw_path=(root.path.rstrip("/") + "/" + path.lstrip("/")).encode() + (f"?{query}".encode() if query else b""))
    if ".." in unquote(endpoint.partition("?")[0]).replace("\\", "/").split("/"):
        raise InputError("the endpoint holds '..'", where=where, fix="Give the path below the connection's address")
    return url.copy_with(fragment=None)


def owner(url: str, connections: Connections, names: Iterable[str]) -> str:
    """The declared connection on whose host a whole address is. Raises InputError when there is none."""
    import httpx

    declared: list[str] = getattr(connections, "names", list)()
    for name in dict.fromkeys([*names, *declared]):
        base = connections.url(name)
        if base and base.startswith(("http://", "https://")) and origin(httpx.URL(base)) == origin(httpx.URL(url)):
            return name
    raise InputError(f"{url!r} is not on the host of a declared connection",
                     fix="Declare the connection in connections.yml of PENSTOCK_HOME")


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host.lower(), url.port or default


def refuse_link_local(url: httpx.URL) -> None:
    """A declared connection may be internal, but never a cloud's metadata service. Source: reliability rules on SSRF."""
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"host {url.host!r} is not known", fix="Check the address of the connection") from error
    for *_, where in found:
        ip = ipaddress.ip_address(str(where[0]).split("%")[0])
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or str(mapped) == "fd00:ec2::254":
            raise InputError(f"host {url.host!r} is a link-local address, which is never asked", fix="Check the address of the connection")
