"""`droplearn predict`: a running service's answers about files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.predictions import rows_of
from droplearn.cli.screen import Screen
from droplearn.cli.values import query_option
from droplearn.cli.words import Command, Options
from droplearn.client import Json, part
from droplearn.contracts.errors import InvalidRequest


def add_predict(command: Command) -> None:
    """Its words."""
    parser = command("predict", predict, "ask a running service about files")
    parser.add_argument("service")
    parser.add_argument("file", nargs="+", type=Path)
    parser.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of the answer: top=3, pos=pixels, ...")
    parser.add_argument("--token", help="the service's token (default: the connection's)")


def predict(options: Options, screen: Screen) -> Outcome:
    """Each file by itself; the exit status is 0 when every answer is a success."""
    client = connect(options.connection)
    url = client.call("GET", f"/v1/services/{part(options.service)}")["url"]
    token = options.token or client.connection.admin_token or ""
    query = f"?{urlencode({'details': 'true'} | dict(options.option or ()))}"
    answers: list[Json] = []
    for done, file in enumerate(options.file, 1):
        if not file.is_file():
            raise InvalidRequest("predict.no_file", f"{file} is not a file.", hint="Name files to ask about.")
        kind = "application/json" if file.suffix == ".json" else "application/octet-stream"
        answer = client.predict(url + query, token, file.read_bytes(), kind)
        answers.append({"file": str(file), "response": answer})
        screen.progress("predicting", done, len(options.file))
    rows = [row for answer in answers for row in rows_of(answer["file"], answer["response"])]
    screen.table("predictions", ["file", "answer", "confidence"], rows)
    return Outcome(answers, all(a["response"].get("success", True) for a in answers))
