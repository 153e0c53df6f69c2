"""A processing program for tests of the twin: copies what it finds."""

import os
import sys
from pathlib import Path

base = Path(os.environ["SAGEMAKER_BASE_DIR"]) / "processing"
if sys.argv[1:] == ["fail"]:
    sys.exit(4)
names = sorted(p.relative_to(base / "input").as_posix() for p in (base / "input").rglob("*") if p.is_file())
(base / "output" / "deep").mkdir()
(base / "output" / "deep" / "names.txt").write_text("\n".join([*names, *sys.argv[1:], os.environ.get("GREETING", "")]))
print("processed", flush=True)
