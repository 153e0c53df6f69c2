"""A training program for tests of the twin: hyperparameters say what it does."""

import json
import os
import signal
import sys
import time
from pathlib import Path

base = Path(os.environ["SAGEMAKER_BASE_DIR"])
parameters = json.loads((base / "input/config/hyperparameters.json").read_text())
files = sorted(p.relative_to(base / "input/data").as_posix() for p in (base / "input/data").rglob("*") if p.is_file())
step = 0


def save(*_):
    (base / "model" / "model.json").write_text(json.dumps({"files": files, "steps": step, "greeting": os.environ.get("GREETING")}))
    print("saved", flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, save)
if "failure" in parameters:
    (base / "output/failure").write_text(parameters["failure"])
    sys.exit(1)
if "output" in parameters:
    (base / "output/data/notes.txt").write_text(parameters["output"])
if "kill" in parameters:
    os.kill(os.getpid(), signal.SIGKILL)
for step in range(1, int(parameters.get("steps", "1")) + 1):
    checkpoint = base / "checkpoints" / "step.txt"
    before = int(checkpoint.read_text()) if checkpoint.exists() else 0
    partial = base / "tmp" / "step.txt"
    partial.write_text(str(before + 1))
    partial.replace(checkpoint)  # in one step: SIGTERM may come in the middle
    print(f"step={step} loss={1 / step:.4f};", flush=True)
    time.sleep(float(parameters.get("seconds", "0.02")))
save()
