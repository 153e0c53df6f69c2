"""`droplearn trial`: a model's answer about some files, without a service."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import urlencode

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.predictions import rows_of
from droplearn.cli.screen import Screen, moment
from droplearn.cli.values import query_option
from droplearn.cli.words import Command, Options, add_variant
from droplearn.client import Client, Json, part
from droplearn.contracts.errors import DropLearnError, InvalidRequest


def add_trial(command: Command) -> None:
    """Its words."""
    parser = command("trial", trial, "ask a model about files without a service: some a day")
    parser.add_argument("model")
    parser.add_argument("file", nargs="+", type=Path)
    parser.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of the answer: top=3, pos=pixels, ...")
    add_variant(parser)


def trial(options: Options, screen: Screen) -> Outcome:
    """Each file by itself; the exit status is 0 when every answer is a success. What was answered before a refusal is shown: it counted."""
    client = connect(options.connection)
    for file in options.file:
        if not file.is_file():
            raise InvalidRequest("trial.no_file", f"{file} is not a file.", hint="Name files to try the model on.")
    asked = {"details": "true"} | dict(options.option or []) | ({"variant": options.variant} if options.variant else {})
    query = f"?{urlencode(asked)}"
    answers: list[Json] = []
    refusal: DropLearnError | None = None
    for done, file in enumerate(options.file, 1):
        try:
            answers.append({"file": str(file), "response": _ask(client, options.model, file, query)})
        except DropLearnError as error:
            if not answers:
                raise
            refusal = error
            break
        screen.progress("trying", done, len(options.file))
    rows = [row for answer in answers for row in rows_of(answer["file"], answer["response"])]
    screen.table("answers", ["file", "answer", "confidence"], rows)
    left = answers[-1]["response"]["trial"]
    screen.say(f"{left['remaining']} of {left['limit']} trials left; renewed at {moment(left['resets_at'])}")
    document: Json = {"answers": answers, "trial": left}
    if refusal is not None:
        screen.complain(refusal)
        return Outcome(document | {"error": refusal.to_dict()}, is_success=False)
    return Outcome(document, all(answer["response"].get("success") for answer in answers))


def _ask(client: Client, model: str, file: Path, query: str) -> Json:
    """In the JSON form, so that the history shows the file's name. A .json file may be that form already, or a question of its own."""
    content = file.read_bytes()
    body = content
    if file.suffix != ".json" or b'"dataArray"' not in content:
        entry = {"name": file.name, "type": "stream", "body": base64.b64encode(content).decode()}
        body = json.dumps({"dataArray": [entry]}).encode()
    url = f"{client.connection.api_url.rstrip('/')}/v1/models/{part(model)}/trial{query}"
    return client.predict(url, client.connection.admin_token or "", body, "application/json")
