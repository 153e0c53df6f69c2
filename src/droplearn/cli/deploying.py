"""`droplearn deploy`: a service, or what it would cost."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.showing import show_error
from droplearn.cli.values import duration_s
from droplearn.cli.words import Command, Options, add_accept_fall, add_variant
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.status import ServiceKind, ServiceStatus

_ALIKE = ("model", "name", "instance_type", "instance_count", "kind", "network", "placement", "variant", "accept_fall")


def add_deploy(command: Command) -> None:
    """Its words."""
    parser = command("deploy", deploy, "put a model behind an endpoint")
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
    add_variant(parser)
    add_accept_fall(parser)
    parser.add_argument(
        "--placement", choices=["dedicated", "shared"], help="of later versions: instances of their own (default), or the same"
    )
    parser.add_argument("--wait", action="store_true", help="until it answers")


def deploy(options: Options, screen: Screen) -> Outcome:
    """The token is shown this once."""
    client = connect(options.connection)
    model = client.call("GET", f"/v1/models/{part(options.model)}")
    path, body = f"/v1/projects/{part(model['project'])}/services", body_of(options)
    if options.estimate:
        return _estimate(client.call("POST", f"{path}/estimate", body), screen)
    made = client.call("POST", path, body)
    document = {"service": made["id"], "status": made["status"], "url": made["url"], "token": made["token"]}
    screen.say(f"{made['id']}  {made['status']}\nurl: {made['url']}\ntoken: {made['token']}  (shown this once)")
    if options.wait:
        done = _follow(client, screen, made["id"])
        document |= {"status": done["status"]} | ({"error": done["error"]} if done.get("error") else {})
        screen.say(f"{made['id']}  {done['status']}")
        show_error(screen, done)
    return Outcome(document, not options.wait or document["status"] == ServiceStatus.RUNNING)


def body_of(options: Options) -> Json:
    """What was given of it. Raises InvalidRequest (`deploy.no_range`, `deploy.not_serverless`)."""
    body: Json = {name: getattr(options, name) for name in _ALIKE}
    body |= {"max_runtime_s": options.max_runtime, "idle_timeout_s": options.idle_timeout}
    scaled = _filled({"min_instances": options.min_instances, "invocations_per_minute": options.per_minute})
    if options.max_instances is not None:
        body["autoscaling"] = scaled | {"max_instances": options.max_instances}
    elif scaled:
        raise InvalidRequest("deploy.no_range", "A range needs its end.", hint="Give --max-instances too.")
    if options.serverless is not None:
        body["serverless"] = {"memory_mb": options.serverless} | _filled({"max_concurrency": options.max_concurrency})
    elif options.max_concurrency is not None:
        raise InvalidRequest("deploy.not_serverless", "--max-concurrency is of serverless services.", hint="Give --serverless 2048 too.")
    return _filled(body)


def _filled(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def usd(amount: float | None) -> str:
    """`0.1020 USD`."""
    return "price unknown" if amount is None else f"{amount:.4f} USD"


def _estimate(found: Json, screen: Screen) -> Outcome:
    hours = found["max_runtime_s"] / 3600
    if by_use := found["serverless"]:
        screen.say(
            f"{usd(by_use['usd_per_1000_requests'])} per 1,000 requests of {by_use['latency_ms']:g} ms, {_exact(by_use['usd_per_second'])} "
            f"per second that a container answers, {usd(by_use['usd_per_gb_processed'])} per GB of requests and answers"
        )
    else:
        rows = [found["least"]] + ([found["most"]] if found["most"] != found["least"] else [])
        for row in rows:
            count = f"{row['instances']} x {found['instance_type']}" if row["instances"] else "no instances"
            screen.say(f"{count}: {usd(row['usd_per_hour'])} an hour, {usd(row['usd_until_deadline'])} in {hours:g} h")
    screen.say(f"prices as of {found['prices_as_of']}: {found['prices_source']}")
    return Outcome(found)


def _exact(amount: float | None) -> str:
    return "price unknown" if amount is None else f"{amount:.8f} USD"


def _follow(client: Client, screen: Screen, service_id: str) -> Json:
    def look() -> Json:
        found = client.call("GET", f"/v1/services/{part(service_id)}")
        screen.progress(f"service {found['status'].lower()}")
        return found

    return wait_until(look, lambda s: s["status"] not in (ServiceStatus.CREATED, ServiceStatus.STARTING))
