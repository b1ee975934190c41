"""The command of the classic programs: `python neural_style_transfer.py --help`."""

import sys
from pathlib import Path

try:
    from nst.cli.compatible import main
except ModuleNotFoundError as error:
    sys.exit(
        f"nst is not installed for this Python ({error}): run `make setup`, "
        "then `.venv/bin/python neural_style_transfer.py`"
    )

if __name__ == "__main__":
    main(samples=Path(__file__).resolve().parent / "data")
