"""The package index from which pip downloads."""

import os
import ssl
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from support.waiting import PATIENCE_SECONDS

PYPI = "https://pypi.org/simple"


def address() -> str:
    """Return the URL of the index, which the environment or a file of pip may name."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    configured = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return os.environ.get("PIP_INDEX_URL") or configured.strip() or PYPI


def answers(url: str) -> bool:
    """Return whether something answers at the URL, be it with an error."""
    request = Request(f"{url.rstrip('/')}/pip/", method="HEAD")
    try:
        with urlopen(request, timeout=PATIENCE_SECONDS):
            return True
    except HTTPError as error:
        error.close()
        return True
    except OSError as error:
        return isinstance(getattr(error, "reason", None), ssl.SSLError)
