"""`python -m demo`: starts a twin, and does with the command line what a user would do. Everything lands in demo-output/."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.confusion import draw_confusion_matrix
from demo.digits import write_digits

OUTPUT = Path("demo-output")
CONNECTION = OUTPUT / "state" / "connection.json"
COMMAND = Path(sys.executable).parent / "droplearn"
LEARN_FROM, KEPT_BACK = 800, 200


def main() -> int:
    """Exit status 0 when every step succeeded."""
    began = time.monotonic()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    heading("1. Handwritten digits as PNG folders")
    count = write_digits(OUTPUT / "digits", 0, LEARN_FROM)
    write_digits(OUTPUT / "unseen", LEARN_FROM, KEPT_BACK)
    print(f"{count} pictures in {OUTPUT}/digits/<digit>/, {KEPT_BACK} more kept back in {OUTPUT}/unseen/")
    with running_twin():
        os.environ["DROPLEARN_CONNECTION"] = str(CONNECTION)
        heading("3. Drop them")
        droplearn("drop", f"{OUTPUT}/digits", "--project", "post", "--dataset", "digits")
        heading("4. Train")
        task = droplearn("train", "--project", "post", "--dataset", "digits", "--max-runtime", "90s", "--wait")
        show_report(task)
        heading("5. Evaluate on pictures that were kept back")
        droplearn("drop", f"{OUTPUT}/unseen", "--project", "post", "--dataset", "unseen")
        droplearn("evaluate", task["model"], "--dataset", "unseen", "--wait")
        pictures = [str(next((OUTPUT / "unseen" / digit).iterdir())) for digit in "374"]
        heading("6. Try it without an endpoint, and on a phone")
        as_seen("trial", task["model"], pictures[0])
        as_seen("preview", task["model"])
        heading("7. Apply it to a whole dataset, as a batch")
        as_seen("batch", task["model"], "--dataset", "unseen", "--output", f"{OUTPUT}/batch")
        heading("8. Deploy")
        service = droplearn("deploy", task["model"], "--max-runtime", "10m", "--wait")
        heading("9. Predict")
        predict(service, pictures)
        heading("10. Stop")
        droplearn("stop", service["service"], "--wait")
    print(f"\nDone in {time.monotonic() - began:.0f} s. Pictures, report and state: {OUTPUT}/")
    return 0


def heading(text: str) -> None:
    """A line that is easy to find."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


@contextmanager
def running_twin() -> Iterator[None]:
    """`droplearn up` beside us, ended in any case."""
    heading("2. Start AWS on this machine")
    words = [str(COMMAND), "up", "--state", str(CONNECTION.parent), "--port", "5710"]
    print(f"$ {shlex.join(words)}", flush=True)
    twin = subprocess.Popen(words)
    try:
        wait_until_ready(twin)
        yield
    finally:
        twin.terminate()
        twin.wait(30)


def wait_until_ready(twin: subprocess.Popen[bytes]) -> None:
    """The connection file is written last."""
    end = time.monotonic() + 60
    while not CONNECTION.exists():
        if twin.poll() is not None or time.monotonic() > end:
            sys.exit(f"The twin did not start; see {CONNECTION.parent}/twin.log")
        time.sleep(0.1)


def droplearn(*words: str) -> Any:
    """Shows the command and the document it prints; ends the demo when it fails."""
    print(f"$ droplearn {shlex.join(words)}", flush=True)
    made = subprocess.run([str(COMMAND), *words, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    document = json.loads(made.stdout) if made.stdout else {}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    print(text if len(text) < 1500 else json.dumps(document, ensure_ascii=False), flush=True)
    if made.returncode:
        sys.exit(made.returncode)
    return document


def as_seen(*words: str) -> None:
    """Shows the command and what a person sees of it; ends the demo when it fails."""
    print(f"$ droplearn {shlex.join(words)}", flush=True)
    status = subprocess.run([str(COMMAND), *words], check=False).returncode
    if status:
        sys.exit(status)


def show_report(task: dict[str, Any]) -> None:
    """The evaluation as a table and a picture."""
    report = api(f"/v1/evaluations/{task['evaluation']}/report")
    print(f"\n{report['example_count']} examples, protocol: {report['protocol']}")
    for name, value in report["metrics"].items():
        print(f"  {name:28} {value:.4f}")
    print(f"\n  {'label':8}{'examples':>9}{'precision':>11}{'recall':>9}{'f1':>8}")
    for row in report["labels"]:
        print(f"  {row['label']:8}{row['support']:9}{row['precision']:11.3f}{row['recall']:9.3f}{row['f1']:8.3f}")
    (OUTPUT / "report.json").write_text(json.dumps(report, indent=1))
    draw_confusion_matrix(report, OUTPUT / "confusion-matrix.png")
    print(f"\nConfusion matrix: {OUTPUT}/confusion-matrix.png")


def api(path: str) -> Any:
    """One GET with the admin token."""
    connection = json.loads(CONNECTION.read_text())
    request = urllib.request.Request(connection["api_url"] + path, headers={"authorization": f"Bearer {connection['admin_token']}"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def predict(service: dict[str, Any], pictures: list[str]) -> None:
    """The command line, then plain HTTP in both forms."""
    droplearn("predict", service["service"], *pictures)
    body = OUTPUT / "request.json"
    picture = base64.b64encode(Path(pictures[0]).read_bytes()).decode()
    body.write_text(json.dumps({"dataArray": [{"name": "image", "type": "stream", "body": picture}]}))
    for kind, file in (("image/png", pictures[0]), ("application/json", str(body))):
        words = [
            "curl",
            "-sS",
            "-H",
            f"Authorization: {service['token']}",
            "-H",
            f"Content-Type: {kind}",
            "--data-binary",
            f"@{file}",
            service["url"],
        ]
        print(f"\n$ {shlex.join(words)}", flush=True)
        print(post(service["url"], service["token"], kind, Path(file).read_bytes()))


def post(url: str, token: str, kind: str, body: bytes) -> str:
    """What that curl does, on machines without curl."""
    request = urllib.request.Request(url, body, {"authorization": token, "content-type": kind}, method="POST")
    with urllib.request.urlopen(request) as reply:
        return str(reply.read().decode())


if __name__ == "__main__":
    sys.exit(main())
