"""Writes the types of the API's answers for the page.

The file is frontend/src/lib/openapi.ts. With --check the tool writes nothing, and fails if the file
is not up to date.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from nst.api.app import specification

FRONTEND = Path("frontend")
TYPES = FRONTEND / "src" / "lib" / "openapi.ts"
COMMAND = ["npx", "--no-install", "openapi-typescript", "--root-types"]
REMEDY = f"{TYPES} is not what the API describes; run make types"


def generated() -> str:
    """Return the types that openapi-typescript makes of the schemas, without routes."""
    facts = specification()
    schemas = _without_titles(facts["components"]["schemas"])
    description = {**facts, "paths": {}, "components": {"schemas": schemas}}
    made = subprocess.run(
        [*COMMAND, "--root-types-no-schema-prefix"],
        cwd=FRONTEND,
        input=json.dumps(description),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return made.stdout


def _without_titles(schema: Any) -> Any:
    """Return the schema without titles, which repeat the names of its fields."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_titles(part)
        for name, part in schema.items()
        if not (name == "title" and isinstance(part, str))
    }


def main(arguments: list[str]) -> str | None:
    """Write or check the types; return the error, if any."""
    if arguments == ["--check"]:
        return None if TYPES.read_text() == generated() else REMEDY
    TYPES.write_text(generated())
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
