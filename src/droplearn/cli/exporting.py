"""`droplearn export`: a model that runs without droplearn."""

from __future__ import annotations

from pathlib import Path

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options
from droplearn.client import part


def add_export(command: Command) -> None:
    """Its words."""
    parser = command("export", export, "fetch a model that runs without droplearn")
    parser.add_argument("model")
    parser.add_argument("--form", choices=["onnx", "triton"], default="onnx", help="onnx: network and example; triton: a model repository")
    parser.add_argument("--output", type=Path, metavar="FILE", help="file or folder (default: the model's own file name, here)")


def export(options: Options, screen: Screen) -> Outcome:
    """Fetches the archive."""
    client = connect(options.connection)
    made = client.call("GET", f"/v1/models/{part(options.model)}/export", form=options.form)
    file = options.output or Path(made["file_name"])
    if file.is_dir():
        file /= made["file_name"]
    file.parent.mkdir(parents=True, exist_ok=True)
    size = file.write_bytes(client.fetch(made["url"]))
    screen.say(f"{file}: {size:,} bytes")
    return Outcome({"file": str(file), "form": made["form"], "size_bytes": size})
