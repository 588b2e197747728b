"""The ``watchglass`` command: serve, proxy, register, import, run, explain, report, verify.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 unavailable (try again). Only what a command needs is
imported, so that ``--help`` answers at once.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app.replaying import replay
from monitor.errors import ConfigError, InvalidInput, Unavailable, WatchglassError

if TYPE_CHECKING:
    from app.link import Link

FAILED, USAGE, UNAVAILABLE = 1, 2, 3

cli = typer.Typer(
    name="watchglass",
    help="Watch served models: capture, drift, accuracy, explanations and alerts on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The configuration file; by default ./watchglass.toml if there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")]
Moment = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")]


class Clock(StrEnum):
    """Which clock the server lives by."""

    SYSTEM = "system"
    MANUAL = "manual"


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


@cli.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when done; print one JSON line last.")] = False,
    directory: Annotated[Path, typer.Option("--dir", help="Where the demo writes; emptied first.")] = Path("demo-data"),
    port: Annotated[int | None, typer.Option(help="The dashboard's port; 8080, or a free one.")] = None,
) -> None:
    """Show everything on a summer of real flights: train, serve, watch, alert, explain, report."""
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
    host: Annotated[str, typer.Option(help="The address to listen on; only this machine's own.")] = "127.0.0.1",
) -> None:
    """Stand before a model server, pass every byte on unchanged, and capture its inferences."""
    from app.proxying import Watched
    from app.proxying import proxy as start

    watched = Watched(model, version, task and task.value, id_column, columns, path)
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
    _say({"path": str(path)}, as_json, lambda told: f"Wrote {told['path']}.")


@cli.command()
def register(
    model: ModelName,
    version: Annotated[str, typer.Option(help="The version that the reference and the artifact belong to.")] = "1",
    schema: Annotated[
        Path | None, typer.Option(help="JSON or TOML with schema, settings and owner, as PUT /v1/models takes it.")
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="Rows to compare with: Parquet, CSV or JSONL.")] = None,
    task: Annotated[Task | None, typer.Option(help="What it predicts, where no schema says so.")] = None,
    classes: Annotated[str | None, typer.Option(help="The classes, by commas; binary: negative first.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who is told of alerts.")] = None,
    time: Annotated[str | None, typer.Option(help="The reference's column with times.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Its column with ids.")] = None,
    prediction: Annotated[str | None, typer.Option(help="Its column with predictions.")] = None,
    scores: Annotated[str | None, typer.Option(help="Its column(s) with scores, separated by commas.")] = None,
    label: Annotated[str | None, typer.Option(help="Its column with the truth.")] = None,
    artifact: Annotated[str | None, typer.Option(help="JSON that names adapter, class, weights, config.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="The URL where this version is served (V2 protocol).")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Register a model and what it is compared with; the schema is read from the reference where none is given."""
    from app.registering import Columns, Registration
    from app.registering import register as send

    asked = Registration(
        model=model,
        version=version,
        schema=schema,
        reference=reference,
        task=task,
        classes=tuple(classes.split(",")) if classes else (),
        owner=owner,
        artifact=artifact,
        endpoint=endpoint,
        columns=Columns(time=time, id=id_column, prediction=prediction, scores=scores, label=label),
    )
    with _link(config) as link:
        told = send(link, asked)
    _say(told, as_json, lambda told: "\n".join(f"{key}: {value}" for key, value in told.items()))


@cli.command("import")
def import_file(
    model: ModelName,
    files: Annotated[list[str], typer.Argument(help="Parquet, CSV or JSONL files, patterns, folders.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="What a server wrote: bentoml, kserve_blob, sagemaker or triton_trace."),
    ] = None,
    names: Annotated[
        str | None, typer.Option("--columns", help="With --format: names for unnamed columns, by commas.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="The column with times.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="The column with ids; made if not given.")] = None,
    version: Annotated[str | None, typer.Option(help="The version that predicted, where no column says so.")] = None,
    prediction: Annotated[str | None, typer.Option(help="The column with predictions.")] = None,
    scores: Annotated[str | None, typer.Option(help="The column(s) with scores, separated by commas.")] = None,
    label: Annotated[str | None, typer.Option(help="The column with the truth.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be taken; import nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send also what was imported before.")] = False,
    memory: Annotated[int, typer.Option(help="MiB of memory that reading may take.", min=128)] = 1024,
    seconds: Annotated[float, typer.Option(help="Seconds that reading one file may take.", min=0.1)] = 300.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Import predictions (and labels) from files. Again, it goes on where it stopped, and stores nothing twice."""
    from app.finding import find
    from app.importing import Asked, import_files, peek_files
    from app.intake import Limits
    from app.link import folder_of
    from app.registering import Columns
    from app.telling import imported, peeked
    from monitor.config import load

    columns = Columns(time=time, id=id_column, prediction=prediction, scores=scores, label=label)
    if form is not None and columns.all():
        raise InvalidInput(
            "--format says what every column is: leave out --time, --id, --prediction, --scores, --label."
        )
    found = find(files, form)
    with _link(config) as link:
        asked = Asked(
            model=model,
            columns=columns,
            form=form,
            names=names,
            version=version,
            limits=Limits(memory, seconds),
            memory=folder_of(link, load(config)),
            again=again,
        )
        if dry_run:
            _say(peek_files(link, asked, found), as_json, peeked)
            return
        told = import_files(link, asked, found, quiet=as_json)
    _say(told, as_json, imported)
    if "failed" in told:
        raise typer.Exit(FAILED)


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
    with _link(config) as link:
        told = link.ask("POST", "/v1/run", json_body={key: value for key, value in asked.items() if value is not None})
    _say(told, as_json, counts)
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
    with _link(config) as link:
        path = f"/v1/models/{quote(model, safe='')}/inferences/{quote(inference, safe='')}/explanations"
        told = link.ask("POST", f"{path}/cost" if dry_run else path, json_body=asked)
    _say(told, as_json, costing if dry_run else explanation)


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
    with _link(config) as link:
        told = link.ask("POST", f"/v1/models/{model}/reports", json_body=asked)
    _say(told, as_json, lambda told: f"{told['title']}\n{told['path']}")


@cli.command()
def verify(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check that every row received is accounted for, and stored once."""
    with _link(config) as link:
        told = link.ask("GET", "/v1/verify")
    lines = [f"{'ok    ' if check['ok'] else 'FAILED'} {check['name']}: {check['detail']}" for check in told["checks"]]
    _say(told, as_json, lambda _: "\n".join(lines))
    if not told["ok"]:
        raise typer.Exit(FAILED)


cli.command()(replay)


def _link(config: Path | None) -> "Link":
    from app.link import connect
    from monitor.config import load

    return connect(load(config))


def _say(told: Any, as_json: bool, words: Callable[[Any], str]) -> None:
    print(json.dumps(told) if as_json else words(told))


def main() -> NoReturn:
    """Run the command line; errors leave by their exit code, with one line on stderr that says what to do."""
    try:
        cli(prog_name="watchglass")
    except WatchglassError as error:
        code = USAGE if isinstance(error, ConfigError) else UNAVAILABLE if isinstance(error, Unavailable) else FAILED
        print(f"watchglass: {error}", file=sys.stderr)
        sys.exit(code)
    sys.exit(0)


if __name__ == "__main__":
    main()
