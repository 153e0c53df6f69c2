"""`droplearn budget`: what a project has spent this month, and may spend."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.deploying import usd
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen, moment
from droplearn.cli.words import Command, Options
from droplearn.client import Client, Json, part
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.ids import check_name


def add_budget(command: Command) -> None:
    """Its words."""
    parser = command("budget", budget, "show, set or remove what a project may spend each month")
    parser.add_argument("project")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--set", type=float, metavar="50", help="USD of each calendar month (UTC); what would not fit is refused")
    parser.add_argument("--notice-at", type=float, metavar="80", help="with --set: a notice when so many per cent of it are used")
    change.add_argument("--remove", action="store_true", help="nothing is refused any more")


def budget(options: Options, screen: Screen) -> Outcome:
    """Changed first, then shown."""
    client, path = connect(options.connection), f"/v1/projects/{part(check_name(options.project, 'project'))}/budget"
    if options.notice_at is not None and options.set is None:
        raise InvalidRequest("budget.no_sum", "A notice is set together with the budget.", hint="Give --set as well.")
    if options.remove:
        client.call("DELETE", path)
    notice = {"notice_share": options.notice_at / 100} if options.notice_at is not None else {}
    found = client.call("PUT", path, {"usd": options.set} | notice) if options.set is not None else client.call("GET", path)
    _show(screen, found)
    return Outcome(found)


def _show(screen: Screen, found: Json) -> None:
    lines = [["spent", usd(found["spent_usd"])], ["reserved by what runs", usd(found["reserved_usd"])]]
    if found["budget_usd"] is not None:
        lines = [["budget", usd(found["budget_usd"])], *lines, ["left", usd(found["left_usd"])]]
    screen.table(f"{found['project']}, {found['month']}" + ("" if found["budget_usd"] is not None else ": no budget"), ["", ""], lines)
    _show_notices(screen, found)
    if rows := [[row["id"], usd(row["spent_usd"]), usd(row["reserved_usd"])] for row in found["costliest"]]:
        screen.table("costliest", ["id", "spent", "reserved"], rows)
    screen.say(f"prices as of {found['prices_as_of']}: {found['prices_source']}")


def _show_notices(screen: Screen, found: Json) -> None:
    for notice in found["notices"]:
        told = f"{usd(notice['spent_usd'])} spent, {usd(notice['reserved_usd'])} reserved"
        screen.say(f"{notice['share']:.0%} of {usd(notice['budget_usd'])} were passed at {moment(notice['at'])}: {told}")


def budget_of(client: Client, project: Json) -> Json | None:
    """Its sums, without what they are made of; None: the project has no budget."""
    if project.get("budget_usd") is None:
        return None
    found = client.call("GET", f"/v1/projects/{part(project['name'])}/budget")
    sums = ("month", "budget_usd", "spent_usd", "reserved_usd", "left_usd", "notices")
    return {name: found[name] for name in sums} if found["budget_usd"] is not None else None


def show_budget_line(screen: Screen, found: Json) -> None:
    """A line of `droplearn status`, and the notices."""
    sums = ", ".join(f"{usd(found[f'{name}_usd'])} {name}" for name in ("spent", "reserved", "left"))
    screen.say(f"budget of {found['month']}: {usd(found['budget_usd'])}; {sums}")
    _show_notices(screen, found)
