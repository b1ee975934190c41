"""Links to files in S3 that set the name of the downloaded file."""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit


class LinkSigner(NamedTuple):
    """Signer of links that set the name of the downloaded file.

    The library obstore cannot sign such links. The algorithm is signature version 4 in the query,
    of "Authenticating Requests: Using Query Parameters" in the documentation of Amazon S3.
    """

    access_key_id: str
    secret_access_key: str
    region: str

    def sign(self, link: str, seconds: float, disposition: str) -> str:
        """Return the link with a new query. `link`: URL of the file, with any query."""
        place, now = urlsplit(link), datetime.now(UTC)
        scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
        time = f"{now:%Y%m%dT%H%M%SZ}"
        facts = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key_id}/{scope}",
            "X-Amz-Date": time,
            "X-Amz-Expires": str(round(seconds)),
            "X-Amz-SignedHeaders": "host",
            "response-content-disposition": disposition,
        }
        query = urlencode(facts, quote_via=quote, safe="")  # sorted, as the signature requires
        headers = f"host:{place.netloc}\n"
        request = "\n".join(("GET", place.path, query, headers, "host", "UNSIGNED-PAYLOAD"))
        digest = sha256(request.encode()).hexdigest()
        signature = self._signature(scope, f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}")
        return f"{place.scheme}://{place.netloc}{place.path}?{query}&X-Amz-Signature={signature}"

    def _signature(self, scope: str, text: str) -> str:
        key = f"AWS4{self.secret_access_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()
