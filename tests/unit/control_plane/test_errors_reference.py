"""docs/reference/errors.md names every code that the product gives."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = ["functions/chalicelib", "src/droplearn/contracts", "src/droplearn/scenarios", "src/droplearn/cli", "src/droplearn/client.py"]
RAISED = re.compile(
    r"(?:Invalid\w+|UnsupportedScenario|NotFound|Conflict|BudgetExceeded|Unauthenticated|Forbidden|Throttled|CapacityUnavailable|TransientError"
    r"|InternalError|MethodNotAllowed|UnsupportedMediaType|problem)\(\s*\"([a-z_]+\.[a-z_0-9]+)\""
)
TOLD = re.compile(r'"code": "([a-z_]+\.[a-z_0-9]+)"')


def test_every_code_is_documented():
    text = (ROOT / "docs/reference/errors.md").read_text()
    texts = [path.read_text() for folder in SOURCES for path in _files(ROOT / folder)]
    found = {code for given in texts for pattern in (RAISED, TOLD) for code in pattern.findall(given)}
    found |= {f"{kind}.unknown" for kind in ("project", "dataset", "task", "model", "evaluation", "service", "token")}
    assert len(found) > 30
    assert not sorted(code for code in found if f"`{code}`" not in text)


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
