"""The commands that bring a model and its rows in: register, and import."""

from pathlib import Path
from typing import Annotated

import typer

from app.options import FAILED, AsJson, ConfigFile, ModelName, Task, link_to, say
from monitor.errors import InvalidInput


def register(
    model: ModelName,
    version: Annotated[str, typer.Option(help="The version that the reference and the artifact belong to.")] = "1",
    schema: Annotated[
        Path | None,
        typer.Option(
            help="JSON or TOML with schema, settings and owner, as PUT /v1/models takes it, which replaces settings."
        ),
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
    from app.registering import Columns, Registration, words
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
    with link_to(config) as link:
        told = send(link, asked)
    say(told, as_json, words)


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
    with link_to(config) as link:
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
            say(peek_files(link, asked, found), as_json, peeked)
            return
        told = import_files(link, asked, found, quiet=as_json)
    say(told, as_json, imported)
    if "failed" in told:
        raise typer.Exit(FAILED)
