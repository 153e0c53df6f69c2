"""`droplearn batch`: a model over a dataset or a prefix, and its results on this machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.showing import show_error
from droplearn.cli.values import duration_s, query_option
from droplearn.cli.words import Command, Options, add_variant
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.status import BatchStatus

_DOWNLOADS_AT_ONCE = 16
_PAGE = 500
_SHOWN_FAILURES = 10


def add_batch(command: Command) -> None:
    """Its words."""
    parser = command("batch", batch, "apply a model to every object of a dataset or below a prefix")
    parser.add_argument("model")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", help="of the model's project; its labels give metrics")
    source.add_argument("--prefix", metavar="PROJECT/...", help="of the data bucket")
    add_variant(parser)
    parser.add_argument("--name", help="of the batch job")
    parser.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of each answer: top=3, pos=pixels, ...")
    parser.add_argument("--max-runtime", type=duration_s, metavar="4h", help="default: 4h; what was answered by then is summarised")
    parser.add_argument("--instance-type", metavar="ml.c5.large", help="what answers")
    parser.add_argument("--instance-count", type=int, metavar="N", help="of them (default: 1)")
    parser.add_argument("--summary", choices=["csv", "parquet", "both"], help="form of the table of all answers (default: csv)")
    parser.add_argument("--objects-per-transform", type=int, metavar="N", help="a stop loses at most so many; default: by their number")
    parser.add_argument("--wait", action="store_true", help="until it is done")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="wait, then write the summary and one JSON file per object there")


def batch(options: Options, screen: Screen) -> Outcome:
    """Start it; with --wait or --output follow it to its end."""
    client = connect(options.connection)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)  # before anything is spent
    model = client.call("GET", f"/v1/models/{part(options.model)}")
    wanted = {
        "model": options.model,
        "dataset": options.dataset,
        "prefix": options.prefix,
        "name": options.name,
        "options": dict(options.option or []),
        "variant": options.variant,
        "summary": options.summary,
        "instance_type": options.instance_type,
        "instance_count": options.instance_count,
        "max_runtime_s": options.max_runtime,
        "objects_per_transform": options.objects_per_transform,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    job = client.call("POST", f"/v1/projects/{part(model['project'])}/batch-jobs", body)
    if not (options.wait or options.output):
        return _told(screen, job)
    return _follow(client, screen, job["id"], options.output)


def restart(client: Client, options: Options, screen: Screen) -> Outcome:
    """Only what has no result yet."""
    job = client.call("POST", f"/v1/batch-jobs/{part(options.id)}/restart")
    return _follow(client, screen, job["id"], None) if options.wait else _told(screen, job)


def _told(screen: Screen, job: Json) -> Outcome:
    screen.say(f"{job['id']}  {job['status']}")
    return Outcome({"batch_job": job["id"], "status": job["status"]})


def _follow(client: Client, screen: Screen, batch_id: str, output: Path | None) -> Outcome:
    def look() -> Json:
        found = client.call("GET", f"/v1/batch-jobs/{part(batch_id)}")
        screen.progress(found["status"].lower().replace("_", " "), found["done_count"], found["input_count"])
        return found

    job = wait_until(look, lambda found: BatchStatus(found["status"]).is_terminal)
    report = job["report"] or {}
    failures = _show(client, screen, job, report)
    document: Json = {"batch_job": job["id"], "status": job["status"], "report": report, "failures": failures}
    if job.get("error"):
        document["error"] = job["error"]
    if output is not None and report:
        document["output"] = {"folder": str(output), "files": _download(client, screen, batch_id, output, report["input_count"])}
    return Outcome(document, job["status"] == BatchStatus.SUCCEEDED)


def _show(client: Client, screen: Screen, job: Json, report: Json) -> list[Json]:
    screen.say(f"{job['id']}  {job['status']}")
    show_error(screen, job)
    if not report:
        return []
    screen.say(f"answered: {report['answered_count']} of {report['input_count']}")
    for reason, count in (job.get("skipped_counts") or {}).items():
        screen.say(f"skipped, {reason.replace('_', ' ')}: {count}")
    screen.table("answers", ["label", "count"], [[label, n] for label, n in report["label_counts"].items()])
    if report["metrics"]:
        screen.table("metrics", ["metric", "value"], [[name, f"{value:.4f}"] for name, value in report["metrics"].items()])
    for warning in report["warnings"]:
        screen.say(warning)
    if not report["failed_count"]:
        return []
    rows: list[Json] = client.call("GET", f"/v1/batch-jobs/{part(job['id'])}/results", failed="true", limit=_SHOWN_FAILURES)["rows"]
    shown = [{name: row[name] for name in ("file", "error", "detail")} for row in rows]
    screen.table("failures", ["file", "error", "detail"], [list(row.values()) for row in shown])
    return shown


def _download(client: Client, screen: Screen, batch_id: str, folder: Path, total: int) -> int:
    """The summary, and `<key>.json` of every answer. Returns how many."""
    base = f"/v1/batch-jobs/{part(batch_id)}"
    files = client.call("GET", f"{base}/files")
    for form in ("csv", "parquet"):
        if url := files[f"summary_{form}"]:
            _write(folder, f"summary.{form}", client.fetch(url))
    count, last = 0, ""

    def fetch(row: Json) -> None:
        _write(folder, row["file"] + ".json", client.fetch(row["result_url"]))

    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        for page in client.page_by_page(f"{base}/results", limit=_PAGE):
            wanted = []
            for row in page["rows"]:  # the rows of one file stand together
                if row["result_url"] and row["file"] != last:
                    wanted.append(row)
                last = row["file"]
            for _ in pool.map(fetch, wanted):
                count += 1
                screen.progress("downloading", count, total)
    return count


def _write(folder: Path, name: str, body: bytes) -> None:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InvalidRequest("batch.bad_path", f"The object {name!r} would be written outside of {folder}.", hint="Fetch it by itself.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
