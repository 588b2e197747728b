"""The command that reads dead letters again."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.options import say
from monitor.errors import InvalidInput

FAILED = 1


def replay(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")],
    reason: Annotated[str | None, typer.Option(help="Only dead letters of this reason.")] = None,
    source: Annotated[str | None, typer.Option(help="Only those that came this way: http, client, kserve…")] = None,
    number: Annotated[int | None, typer.Option(help="Only the one of this number.")] = None,
    show: Annotated[bool, typer.Option("--list", help="Show what is there, and replay nothing.")] = False,
    config: Annotated[Path | None, typer.Option("--config", help="The configuration file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")] = False,
) -> None:
    """Read what could not be stored again, once the cause is mended; exit code 1 where some still cannot be stored."""
    from app.link import connect
    from monitor.config import load

    if show and number is not None:
        raise InvalidInput("--list shows all of a reason or source; leave out --number.")
    path = f"/v1/models/{quote(model, safe='')}/dead-letters"
    asked = {"reason": reason, "source": source, "number": number}
    asked = {key: value for key, value in asked.items() if value is not None}
    with connect(load(config)) as link:
        told = link.ask("GET", path, query=asked) if show else link.ask("POST", f"{path}/replay", json_body=asked)
    say(told, as_json, listed if show else in_words)
    if not show and told["failed"]:
        raise typer.Exit(FAILED)


def in_words(told: dict[str, Any]) -> str:
    """Return what became of the letters, and of the first that stay the reason.

    >>> still = [{"number": 7, "reason": "bad_id", "detail": "empty"}]
    >>> print(in_words({"tried": 2, "replayed": 1, "failed": 1, "stored": 1, "duplicate": 0, "still": still}))
    2 dead letters read again: 1 replayed (1 rows stored, 0 duplicate), 1 still cannot be stored
    7: bad_id: empty
    """
    first = (
        f"{told['tried']:,} dead letters read again: {told['replayed']:,} replayed ({told['stored']:,} rows stored, "
        f"{told['duplicate']:,} duplicate), {told['failed']:,} still cannot be stored"
    )
    return "\n".join([first, *(f"{each['number']}: {each['reason']}: {each['detail']}" for each in told["still"])])


def listed(told: dict[str, Any]) -> str:
    """Return one line a letter, newest first.

    >>> print(listed({"letters": [], "total": 0}))
    0 dead letters
    """
    lines = [
        f"{each['number']}  {each['received']}  {each['source']}  {each['reason']}  {each['detail']!a}"
        + ("  (replayed)" if each["replayed"] else "")
        for each in told["letters"]
    ]
    return "\n".join([*lines, f"{told['total']:,} dead letters"])
