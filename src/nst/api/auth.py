"""Who asks: somebody with an API key, or the browser that has this signed cookie."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from flask import request, session

from nst.errors import NotAllowed


def owner(api_keys: Mapping[str, str]) -> str:
    """To whom the jobs of this request belong. `api_keys`: name → SHA-256 of the key, in hex.
    Raises NotAllowed if there is a key and nobody has it."""
    if key := _key():
        return f"key:{_name_of(key, api_keys)}"
    if "id" not in session:
        session["id"] = secrets.token_hex(16)
        session.permanent = True
    return f"browser:{session['id']}"


def client() -> str:
    """Whose use is counted: cookies can be thrown away, addresses and keys not so easily."""
    if key := _key():
        return hashlib.sha256(key.encode()).hexdigest()
    return request.remote_addr or "unknown"


def check_same_site() -> None:
    """Browsers say where a request comes from; one that changes something must come from here.
    Raises NotAllowed."""
    if request.method in ("GET", "HEAD", "OPTIONS") or _key():
        return
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise NotAllowed("another site may not do this in your name")


def _key() -> str | None:
    authorization = request.headers.get("Authorization", "")
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")


def _name_of(key: str, api_keys: Mapping[str, str]) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()
    for name, known in api_keys.items():
        if hmac.compare_digest(digest, known.lower()):
            return name
    raise NotAllowed("this API key is not known here")
