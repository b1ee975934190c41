"""Identity of a request: the owner of an API key or of a signed cookie."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from flask import Flask, current_app, request, session
from flask.sessions import SecureCookieSessionInterface

from nst.errors import InvalidOption, NotAllowed

VISITOR_HEADER = "X-Visitor"
"""Header that identifies a new visitor.
Requests that a browser sends at the same time, before it has a cookie, carry the same secret."""


class Sessions(SecureCookieSessionInterface):
    """Session cookies; a cookie that was set over TLS is sent over TLS only."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask passes it
        """Return whether the cookie is limited to TLS; called by Flask."""
        return request.is_secure

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002 - Flask passes it
        """Return the path of the cookie; called by Flask.

        Other programs on the host do not receive the cookie.
        """
        return request.script_root or "/"


def owner(api_keys: Mapping[str, str]) -> str:
    """Return the owner of the jobs of this request.

    `api_keys`: name → SHA-256 of the key, in hex. Raises NotAllowed if the key is unknown,
    InvalidOption if the visitor header is malformed.
    """
    if name := key_name(api_keys):
        return f"key:{name}"
    if "id" not in session:
        session["id"] = _new_visitor()
        session.permanent = True
    return f"browser:{session['id']}"


def _new_visitor() -> str:
    """Return the id of a visitor without a cookie: 128 bits, as 32 hex digits.

    A browser may send several requests before its first cookie arrives. If they carry the same
    secret in VISITOR_HEADER, they get the same id, so no response replaces the cookie of another.
    The id is a keyed hash of the secret: whoever reads an id in the database cannot become that
    visitor.
    """
    secret = request.headers.get(VISITOR_HEADER)
    if secret is None:
        return secrets.token_hex(16)
    if not re.fullmatch(r"[0-9a-f]{32}", secret):
        raise InvalidOption(VISITOR_HEADER, secret, "32 hexadecimal digits, chosen at random")
    key = str(current_app.secret_key).encode()
    return hmac.digest(key, f"visitor {secret}".encode(), "sha256").hex()[:32]


def client(api_keys: Mapping[str, str]) -> str:
    """Return the client to which this request is counted.

    The client is the name of the API key or the network address. Both are harder to change than
    cookies.
    """
    try:
        name = key_name(api_keys)
    except NotAllowed:
        name = None
    return f"key:{name}" if name else network(request.remote_addr or "unknown")


def network(address: str) -> str:
    """Return the IPv4 address of a client, or the /64 network of its IPv6 address.

    A client can choose any of the 2⁶⁴ addresses of its /64 network.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # a proxy that hides its clients sends some other text
        return address[:100]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def key_name(api_keys: Mapping[str, str]) -> str | None:
    """Return the name of the API key of this request; None without a key.

    Raises NotAllowed if the key is unknown.
    """
    key = _key()
    if key is None:
        return None
    digest = hashlib.sha256(key.encode()).hexdigest()
    for name, known in api_keys.items():
        if hmac.compare_digest(digest, known.lower()):
            return name
    raise NotAllowed("this API key is unknown")


def check_same_site(origins: Collection[str]) -> None:
    """Refuse a request that changes something and comes from another site.

    Pages of `origins` and requests with an API key are allowed. Raises NotAllowed.
    """
    if request.method in ("GET", "HEAD", "OPTIONS") or _key():
        return
    if request.headers.get("Origin") not in origins and _is_of_another_site():
        raise NotAllowed("another site may not do this in your name")


def _is_of_another_site() -> bool:
    """Return whether a page of another site sends this request.

    Over plain HTTP browsers send Origin but no Sec-Fetch-Site; most programs send neither. The
    scheme is not compared, because a proxy that ends TLS may be unknown to this server.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in ("cross-site", "same-site")
    origin = request.headers.get("Origin")
    return origin is not None and _host(origin) != _host(f"//{request.host}")


def _host(url: str) -> tuple[str | None, int | None]:
    """Return host and port of a URL; the port is None if it is the one of http or https."""
    try:
        parts = urlsplit(url)
        return parts.hostname, None if parts.port in (80, 443) else parts.port
    except ValueError:  # text that is no URL
        return None, None


def _key() -> str | None:
    authorization = request.headers.get("Authorization", "")
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")
