"""Draws the imports between packages, in the layers that import-linter checks.

    python tools/imports.py

This writes docs/imports.svg from the code; a test checks that the file is up to date.
"""

import tomllib
from pathlib import Path

import grimp

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs" / "imports.svg"

BOX_WIDTH, BOX_HEIGHT, GAP, ROW = 136, 30, 14, 70


def layers() -> list[list[str]]:
    """Return the rows, from top to bottom."""
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    rows = next(c["layers"] for c in contracts if c["name"] == "Who may import whom")
    return [[name.removeprefix("nst.") for name in row.split(" | ")] for row in rows]


def imports(names: set[str]) -> set[tuple[str, str]]:
    """Return pairs of importer and imported, without pairs that others imply.
    Packages count as a whole."""
    graph = grimp.build_graph("nst", exclude_type_checking_imports=True)
    for name in names:
        if graph.find_children(f"nst.{name}"):
            graph.squash_module(f"nst.{name}")
    direct = {
        name: {
            found.removeprefix("nst.")
            for found in graph.find_modules_directly_imported_by(f"nst.{name}")
        }
        & (names - {name})
        for name in names
    }
    return {
        (name, found)
        for name, all_found in direct.items()
        for found in all_found
        if not any(found in reached(other, direct) for other in all_found - {found})
    }


def reached(name: str, direct: dict[str, set[str]]) -> set[str]:
    """Return everything that a module imports, directly or indirectly."""
    return direct[name].union(*(reached(found, direct) for found in direct[name]))


def svg() -> str:
    """Return the diagram as SVG."""
    rows = layers()
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP) + GAP
    place = {
        name: (
            round((width - len(row) * (BOX_WIDTH + GAP) + GAP) / 2 + column * (BOX_WIDTH + GAP)),
            GAP + number * ROW,
        )
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    lines = [_line(place[a], place[b]) for a, b in sorted(imports(set(place)))]
    boxes = [_box(name, x, y) for name, (x, y) in place.items()]
    height = len(rows) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12">'
        f"{''.join(lines)}{''.join(boxes)}</svg>\n"
    )


def _line(importer: tuple[int, int], imported: tuple[int, int]) -> str:
    x1, y1 = importer[0] + BOX_WIDTH // 2, importer[1] + BOX_HEIGHT
    x2, y2 = imported[0] + BOX_WIDTH // 2, imported[1]
    middle = (y1 + y2) // 2
    curve = f"M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}"
    return f'<path d="{curve}" fill="none" stroke="#b0a99f"/>'


def _box(name: str, x: int, y: int) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="#faf8f4" '
        f'stroke="#5c554c"/><text x="{x + BOX_WIDTH // 2}" y="{y + 19}" text-anchor="middle" '
        f'fill="#1d1a17">{name}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(svg())
