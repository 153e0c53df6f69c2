"""What can be typed."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from droplearn import __version__
from droplearn.cli import batch, commands, deploying, exporting, previewing, trial
from droplearn.cli.service_actions import add_service_actions
from droplearn.cli.values import duration_s, option, port, query_option
from droplearn.contracts.status import ServiceKind
from droplearn.scenarios import SCENARIOS


def make_parser() -> argparse.ArgumentParser:
    """Every command has `--json` and `--connection`."""
    parser = argparse.ArgumentParser(prog="droplearn", description="Drop labelled data; get an evaluated model behind an endpoint.")
    parser.add_argument("--version", action="version", version=f"droplearn {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    command = partial(_add_command, subparsers)
    up = command("up", commands.up, "start droplearn on this machine: AWS endpoint, HTTP API, and all that runs behind them")
    up.add_argument("--state", type=Path, default=Path(".droplearn"), help="folder that keeps everything (default: .droplearn)")
    up.add_argument("--port", type=port, help="port of the AWS endpoint; the HTTP API listens on the next one")

    drop = command("drop", commands.drop, "upload a folder and wait until it is indexed")
    drop.add_argument("folder", type=Path, help="a folder with one folder per label, annotated pictures, or tables")
    _place(drop)
    drop.add_argument("--scenario", choices=sorted(SCENARIOS), help="what is to be learnt (else droplearn.yaml, else inferred)")

    _add_train(command("train", commands.train, "train a model on a dataset"))

    status = command("status", commands.status, "show projects, or one task, evaluation, model, service or batch job")
    status.add_argument("id", nargs="?", help="task-..., eval-..., model-..., service-..., batch-..., or a project")

    logs = command("logs", commands.logs, "print what a task's training said, or a service's servers")
    logs.add_argument("id", help="task-... or service-...")
    logs.add_argument("--metrics", action="store_true", help="the metrics of each epoch of a task instead of the lines")

    models = command("models", commands.models, "list models, newest first")
    models.add_argument("--project", help="of this project only")

    evaluate = command("evaluate", commands.evaluate, "measure a model on a dataset")
    evaluate.add_argument("model")
    evaluate.add_argument("--dataset", required=True)
    evaluate.add_argument("--project", help="the dataset's project (default: the model's)")
    evaluate.add_argument("--wait", action="store_true", help="until it is done")

    _add_deploy(command("deploy", deploying.deploy, "put a model behind an endpoint"))

    service = subparsers.add_parser("service", help="list services; extend, cut and change one that runs")
    actions = service.add_subparsers(required=True, metavar="ACTION")
    add_service_actions(partial(_add_command, actions))

    preview = command("preview", previewing.preview, "show a QR code: a phone that scans it runs the model in its browser")
    preview.add_argument("model")
    preview.add_argument(
        "--valid-for", type=duration_s, default=3600, metavar="1h", help="how long the link opens (default: 1h, at most 7d)"
    )
    preview.add_argument("--list", action="store_true", help="show the links that still open instead of making one")
    preview.add_argument("--revoke", metavar="LINK", help="end this one instead: preview-...")

    export = command("export", exporting.export, "fetch a model that runs without droplearn")
    export.add_argument("model")
    export.add_argument("--form", choices=["onnx", "triton"], default="onnx", help="onnx: network and example; triton: a model repository")
    export.add_argument("--output", type=Path, metavar="FILE", help="file or folder (default: the model's own file name, here)")

    predict = command("predict", commands.predict, "ask a running service about files")
    predict.add_argument("service")
    predict.add_argument("file", nargs="+", type=Path)
    predict.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of the answer: top=3, pos=pixels, ...")
    predict.add_argument("--token", help="the service's token (default: the connection's)")

    tried = command("trial", trial.trial, "ask a model about files without a service: some a day")
    tried.add_argument("model")
    tried.add_argument("file", nargs="+", type=Path)
    tried.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of the answer: top=3, pos=pixels, ...")

    _variant(tried)

    _add_batch(command("batch", batch.batch, "apply a model to every object of a dataset or below a prefix"))

    stop = command("stop", commands.stop, "stop a task (its best model is kept), a service (its endpoint is deleted) or a batch job")
    stop.add_argument("id")
    stop.add_argument("--wait", action="store_true", help="until it has stopped")
    restart = command("restart", commands.restart, "start a failed or stopped task or batch job again; it goes on where it was")
    restart.add_argument("id")
    restart.add_argument("--wait", action="store_true", help="until it is done")
    return parser


def _add_command(subparsers: Any, name: str, run: object, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = subparsers.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    made.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
    made.add_argument(
        "--connection", type=Path, help="connection.json to use (else $DROPLEARN_CONNECTION, else ./.droplearn/connection.json)"
    )
    return made


def _place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", required=True)
    parser.add_argument("--dataset", required=True)


def _add_train(parser: argparse.ArgumentParser) -> None:
    _place(parser)
    parser.add_argument("--preset", choices=["high_performance", "high_accuracy"], help="default: high_performance")
    parser.add_argument("--max-runtime", type=duration_s, metavar="10m", help="default: 1h; the best model by then is kept")
    parser.add_argument("--expected-accuracy", type=float, metavar="0.95", help="stop as soon as it is reached")
    parser.add_argument("--target", metavar="COLUMN", help="what to predict from the others (tables; default: the last column)")
    parser.add_argument("--metric", metavar="NAME", help="what to optimise (tables)")
    parser.add_argument("--option", action="append", type=option, metavar="NAME=VALUE", help="a setting of this scenario; see its README")
    parser.add_argument("--label", action="append", help="train on this label (may be given again)")
    parser.add_argument("--base-model", metavar="MODEL", help="continue from this model")
    parser.add_argument("--test-fraction", type=float, metavar="0.2", help="keep this share away from the training and evaluate on it")
    parser.add_argument("--validation-fraction", type=float, metavar="0.15", help="measure each epoch on this share (default: 0.15)")
    parser.add_argument("--epochs", type=int, metavar="N", help="default: by the recipe, like the next four")
    parser.add_argument("--learning-rate", type=float, metavar="0.001")
    parser.add_argument("--batch-size", type=int, metavar="32")
    parser.add_argument("--warmup-epochs", type=float, metavar="1")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--instance-type", metavar="ml.m5.xlarge", help="what it is trained on")
    parser.add_argument("--instance-count", type=int, metavar="N", help="of them (default: 1)")
    parser.add_argument("--optimise", action="append", choices=["int8", "fp16"], help="also make this variant (may be given again)")
    parser.add_argument("--wait", action="store_true", help="until it is trained and evaluated")


def _add_deploy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model")
    parser.add_argument("--name", help="of the service")
    parser.add_argument("--max-runtime", type=duration_s, metavar="1h", help="default: 1h; then the service deletes itself")
    parser.add_argument("--kind", choices=[kind.value for kind in ServiceKind], help="default: test")
    parser.add_argument("--idle-timeout", type=duration_s, metavar="30m", help="stops when nobody uses it; 0: never (default: test 30m)")
    parser.add_argument("--instance-type", metavar="ml.c5.large", help="what answers")
    parser.add_argument("--instance-count", type=int, metavar="N", help="at the beginning (default: 1, or the least of the range)")
    parser.add_argument("--max-instances", type=int, metavar="N", help="so many when it is asked much: autoscaling")
    parser.add_argument("--min-instances", type=int, metavar="N", help="of the range (default: 1)")
    parser.add_argument("--per-minute", type=float, metavar="600", help="invocations that each instance of the range is to answer")
    parser.add_argument("--serverless", type=int, metavar="2048", help="MB of memory: no instances, paid by use")
    parser.add_argument("--max-concurrency", type=int, metavar="5", help="requests that a serverless service answers at a time")
    parser.add_argument("--network", choices=["public", "vpc"], help="vpc: the servers are in the stack's VPC (default: public)")
    parser.add_argument("--estimate", action="store_true", help="say what it would cost, and make nothing")
    _variant(parser)
    parser.add_argument(
        "--placement", choices=["dedicated", "shared"], help="of later versions: instances of their own (default), or the same"
    )
    parser.add_argument("--wait", action="store_true", help="until it answers")


def _variant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variant", choices=["fp32", "int8", "fp16"], help="default: fp32, the model as it was trained")


def _add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", help="of the model's project; its labels give metrics")
    source.add_argument("--prefix", metavar="PROJECT/...", help="of the data bucket")
    _variant(parser)
    parser.add_argument("--name", help="of the batch job")
    parser.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of each answer: top=3, pos=pixels, ...")
    parser.add_argument("--max-runtime", type=duration_s, metavar="4h", help="default: 4h; what was answered by then is summarised")
    parser.add_argument("--instance-type", metavar="ml.c5.large", help="what answers")
    parser.add_argument("--instance-count", type=int, metavar="N", help="of them (default: 1)")
    parser.add_argument("--summary", choices=["csv", "parquet", "both"], help="form of the table of all answers (default: csv)")
    parser.add_argument("--objects-per-transform", type=int, metavar="N", help="a stop loses at most so many; default: by their number")
    parser.add_argument("--wait", action="store_true", help="until it is done")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="wait, then write the summary and one JSON file per object there")
