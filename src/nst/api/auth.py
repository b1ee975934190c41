"""Who asks: somebody with an API key, or the browser that has this signed cookie."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

from nst.errors import NotAllowed


class Sessions(SecureCookieSessionInterface):
    """Cookies that came over TLS go back over TLS only."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask has it
        """Called by Flask."""
        return request.is_secure

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002 - Flask has it
        """Called by Flask. Another program at the same host does not get them."""
        return request.script_root or "/"


def owner(api_keys: Mapping[str, str]) -> str:
    """To whom the jobs of this request belong. `api_keys`: name → SHA-256 of the key, in hex.
    Raises NotAllowed if there is a key and nobody has it."""
    if name := key_name(api_keys):
        return f"key:{name}"
    if "id" not in session:
        session["id"] = secrets.token_hex(16)
        session.permanent = True
    return f"browser:{session['id']}"


def client(api_keys: Mapping[str, str]) -> str:
    """Whose use is counted: cookies can be thrown away, addresses and known keys not so easily."""
    try:
        name = key_name(api_keys)
    except NotAllowed:
        name = None
    return f"key:{name}" if name else network(request.remote_addr or "unknown")


def network(address: str) -> str:
    """What one client has: an IPv4 address, or a /64 of IPv6, in which everybody has 2⁶⁴ addresses
    to choose from."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # what a proxy that hides its clients says of them
        return address[:100]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def key_name(api_keys: Mapping[str, str]) -> str | None:
    """Of the key that came with this request, None if there is none. Raises NotAllowed."""
    key = _key()
    if key is None:
        return None
    digest = hashlib.sha256(key.encode()).hexdigest()
    for name, known in api_keys.items():
        if hmac.compare_digest(digest, known.lower()):
            return name
    raise NotAllowed("this API key is not known here")


def check_same_site(origins: Collection[str]) -> None:
    """Browsers say where a request comes from; one that changes something must come from here or
    from one of these origins. Raises NotAllowed."""
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
