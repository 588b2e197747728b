"""What commands have in common: their options, the way to the server, and how they say what came of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.printable import printable

if TYPE_CHECKING:
    from app.link import Link

FAILED, USAGE, UNAVAILABLE = 1, 2, 3
"""Exit codes of what did not work: it failed, it was asked for wrongly, it may be tried again."""

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The configuration file; by default ./watchglass.toml if there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")]
Moment = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")]


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RANKING = "ranking"


def link_to(config: Path | None) -> "Link":
    """Return the way to the server that a configuration names, or to the same application in this process."""
    from app.link import connect
    from monitor.config import load

    return connect(load(config))


@contextmanager
def told_if_slow(words: str, seconds: float = 3.0) -> Iterator[None]:
    """Say on standard error what is being waited for, once it has taken so many seconds."""
    timer = Timer(seconds, typer.echo, (words,), {"err": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def say(told: Any, as_json: bool, words: Callable[[Any], str]) -> None:
    """Print a result: as one line of JSON, or in words."""
    typer.echo(json.dumps(told) if as_json else printable(words(told)))
