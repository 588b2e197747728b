"""The ``watchglass`` command: serve, proxy, register, import, run, explain, report, alerts, verify and more.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 unavailable (try again). Only what a command needs is
imported, so that ``--help`` answers at once.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.alerting import alerts, rebaseline, snooze, try_out
from app.enlisting import import_file, register
from app.options import (
    FAILED,
    UNAVAILABLE,
    USAGE,
    AsJson,
    ConfigFile,
    ModelName,
    Moment,
    Task,
    link_to,
    say,
    told_if_slow,
)
from app.printable import printable
from app.replaying import replay
from app.threads import one_thread
from monitor.errors import ConfigError, InvalidInput, Unavailable, WatchglassError

cli = typer.Typer(
    name="watchglass",
    help="Watch served models: capture, drift, accuracy, explanations and alerts on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Clock(StrEnum):
    """Which clock the server lives by."""

    SYSTEM = "system"
    MANUAL = "manual"


@cli.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when done; print one JSON line last.")] = False,
    directory: Annotated[Path, typer.Option("--dir", help="Where the demo writes; emptied first.")] = Path("demo-data"),
    port: Annotated[int | None, typer.Option(help="The dashboard's port; 8080, or a free one.")] = None,
) -> None:
    """Show everything on a summer of real flights: train, serve, watch, alert, explain, report."""
    from app.demo import needed

    needed.check()
    from app.demo.replay import run as run_demo

    run_demo(once=once, directory=directory, port=port)


@cli.command()
def serve(
    config: ConfigFile = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes any free one.")] = None,
    clock: Annotated[Clock | None, typer.Option(help="manual: time moves only by PUT /v1/clock.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the data is kept.")] = None,
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard beside the API.")] = True,
) -> None:
    """Run the server: capture, API, scheduler and dashboard on one port of this machine."""
    one_thread()
    from app.serving import serve as start

    start(config, port=port, clock=clock, data_dir=data_dir, dashboard=dashboard)


@cli.command()
def proxy(
    upstream: Annotated[str, typer.Option(help="The model server, http://host:port.")],
    model: Annotated[str, typer.Option(help="The registered model that its inferences are captured for.")],
    version: Annotated[str | None, typer.Option(help="The served version; else as path or answer say.")] = None,
    listen_port: Annotated[int, typer.Option(help="The port to listen on; 0 takes any free one.")] = 8180,
    url: Annotated[str, typer.Option(help="The address of Watchglass.")] = "http://127.0.0.1:8080",
    task: Annotated[Task | None, typer.Option(help="What it predicts; needed for regressions.")] = None,
    id_column: Annotated[str, typer.Option("--id", help="The input that holds the rows' ids.")] = "id",
    columns: Annotated[str | None, typer.Option(help="Names for the columns of unnamed inputs, by commas.")] = None,
    path: Annotated[str | None, typer.Option(help="The only path to capture; every inference if not given.")] = None,
    tensor: Annotated[
        str | None, typer.Option(help="What a raw tensor is, such as 'x FP32 4': name, type, sizes of one row.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; only this machine's own.")] = "127.0.0.1",
) -> None:
    """Stand before a model server, pass every byte on unchanged, and capture its inferences."""
    from app.proxying import Watched
    from app.proxying import proxy as start

    watched = Watched(model, version, task and task.value, id_column, columns, path, tensor)
    start(upstream, watched, host=host, port=listen_port, url=url)


@cli.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("watchglass.toml"),
    as_json: AsJson = False,
) -> None:
    """Write a configuration file with every key, its meaning and its default."""
    from monitor.config import example_toml

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(example_toml())
    except FileExistsError:
        raise InvalidInput(f"{path} exists already; remove it first, or give another path.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from None
    say({"path": str(path)}, as_json, lambda told: f"Wrote {told['path']}.")


@cli.command()
def run(
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    job: Annotated[str | None, typer.Option(help="Only this job: drift, quality, performance, traffic…")] = None,
    until: Moment = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run what is due now; with --model or --job, measure the last closed window and the open one so far."""
    from app.telling import counts

    asked = {"model": model, "job": job, "until": until.isoformat() if until else None}
    slow = "Measuring what is due: after months of history that takes minutes."
    with link_to(config) as link, told_if_slow(slow):
        told = link.ask("POST", "/v1/run", json_body={key: value for key, value in asked.items() if value is not None})
    say(told, as_json, counts)
    if told["failures"]:
        raise typer.Exit(FAILED)


@cli.command()
def explain(
    model: ModelName,
    inference: Annotated[str, typer.Argument(metavar="ID", help="The id of a captured prediction.")],
    method: Annotated[str, typer.Option(help="How: shapley, lime, or another; auto chooses one.")] = "auto",
    version: Annotated[str | None, typer.Option(help="Which version's row, where several have the id.")] = None,
    seed: Annotated[int, typer.Option(help="Every random choice follows from it.")] = 0,
    target: Annotated[str | None, typer.Option(help="Ask the artifact or the endpoint.")] = None,
    cohort: Annotated[str | None, typer.Option(help="Compare with rows like this one in a column only.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Explain one captured prediction: what each column added to it."""
    from urllib.parse import quote

    from app.telling import costing, explanation

    asked = {"method": method, "version": version, "seed": seed, "target": target, "cohort": cohort}
    with link_to(config) as link:
        path = f"/v1/models/{quote(model, safe='')}/inferences/{quote(inference, safe='')}/explanations"
        told = link.ask("POST", f"{path}/cost" if dry_run else path, json_body=asked)
    say(told, as_json, costing if dry_run else explanation)


@cli.command()
def report(
    model: ModelName,
    start: Moment = None,
    end: Moment = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Write a report on a window; without one, on the last seven full days."""
    asked = {name: f"{moment.isoformat()}Z" for name, moment in (("start", start), ("end", end)) if moment}
    with link_to(config) as link:
        told = link.ask("POST", f"/v1/models/{model}/reports", json_body=asked)
    say(told, as_json, lambda told: f"{told['title']}\n{told['path']}")


@cli.command()
def verify(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check that every row received is accounted for, and stored once."""
    with link_to(config) as link:
        told = link.ask("GET", "/v1/verify")
    lines = [f"{'ok    ' if check['ok'] else 'FAILED'} {check['name']}: {check['detail']}" for check in told["checks"]]
    say(told, as_json, lambda _: "\n".join(lines))
    if not told["ok"]:
        raise typer.Exit(FAILED)


for _command in (register, replay, alerts, snooze, rebaseline):
    cli.command()(_command)
cli.command("import")(import_file)
cli.command("try")(try_out)


def main() -> NoReturn:
    """Run the command line; errors leave by their exit code, with one line on stderr that says what to do."""
    try:
        cli(prog_name="watchglass")
    except WatchglassError as error:
        code = USAGE if isinstance(error, ConfigError) else UNAVAILABLE if isinstance(error, Unavailable) else FAILED
        print(f"watchglass: {printable(str(error))}", file=sys.stderr)
        sys.exit(code)
    sys.exit(0)


if __name__ == "__main__":
    main()
