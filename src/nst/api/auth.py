"""Identity of a request: the owner of an API key, or of a signed cookie."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, current_app, request, session
from flask.sessions import SecureCookieSessionInterface

from nst.errors import InvalidOption, NotAllowed

VISITOR_HEADER = "X-Visitor"
"""Header by which requests without a cookie, sent at the
same time, name the same new visitor."""


class Sessions(SecureCookieSessionInterface):
    """Session cookies; those set over TLS are sent over TLS only."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask has it
        """Return whether the cookie is limited to TLS, for Flask."""
        return request.is_secure

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002 - Flask has it
        """Return the path of the cookie for Flask: other programs
        on the host do not get it."""
        return request.script_root or "/"


def owner(api_keys: Mapping[str, str]) -> str:
    """Return the owner of the jobs of this request.
    `api_keys`: name → SHA-256 of the key, in hex. Raises NotAllowed if the key is
    unknown, InvalidOption if the visitor header is malformed."""
    if name := key_name(api_keys):
        return f"key:{name}"
    if "id" not in session:
        session["id"] = _new_visitor()
        session.permanent = True
    return f"browser:{session['id']}"


def _new_visitor() -> str:
    """Return the id of a visitor without a cookie: 128 bits, as 32 hex digits.

    Several requests may leave a browser before its first cookie arrives. With the same secret in
    VISITOR_HEADER they get the same id, so that no answer replaces the cookie of another. The id is
    a keyed hash of the secret: whoever reads an id in the database cannot become that visitor."""
    secret = request.headers.get(VISITOR_HEADER)
    if secret is None:
        return secrets.token_hex(16)
    if not re.fullmatch(r"[0-9a-f]{32}", secret):
        raise InvalidOption(VISITOR_HEADER, secret, "32 hexadecimal digits, chosen at random")
    key = str(current_app.secret_key).encode()
    return hmac.digest(key, f"visitor {secret}".encode(), "sha256").hex()[:32]


def client(api_keys: Mapping[str, str]) -> str:
    """Return the client whose use is counted: the name of the key or the network
    address, which are harder to change than cookies."""
    try:
        name = key_name(api_keys)
    except NotAllowed:
        name = None
    return f"key:{name}" if name else network(request.remote_addr or "unknown")


def network(address: str) -> str:
    """Return the network of a client: its IPv4 address, or the /64 of its IPv6
    address, in which it can choose any of 2⁶⁴ addresses."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # what a proxy that hides its clients says of them
        return address[:100]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def key_name(api_keys: Mapping[str, str]) -> str | None:
    """Return the name of the API key of this request;
    None without a key. Raises NotAllowed."""
    key = _key()
    if key is None:
        return None
    digest = hashlib.sha256(key.encode()).hexdigest()
    for name, known in api_keys.items():
        if hmac.compare_digest(digest, known.lower()):
            return name
    raise NotAllowed("this API key is unknown")


def check_same_site(origins: Collection[str]) -> None:
    """Refuse requests that change something and come from a page of another site,
    unless it is one of these origins. Raises NotAllowed."""
    if request.method in ("GET", "HEAD", "OPTIONS") or _key():
        return
    if request.headers.get("Origin") in origins:
        return
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise NotAllowed("another site may not do this in your name")


def _key() -> str | None:
    authorization = request.headers.get("Authorization", "")
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")
