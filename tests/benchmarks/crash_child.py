"""The server as it is crashed: ``watchglass serve`` with some of its functions wrapped, by what the environment asks.

``CRASH_POINT=commit:after:3`` kills the process after the third call of a commit, as SIGKILL does: nothing is run any
more. Without it the wrapped functions only count. ``CRASH_CHECKPOINT_EVERY=20`` asks for a checkpoint after so many
commits, so that some kills fall into one. The product itself knows nothing of this.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from app.serving import serve
from monitor.ingest.journal import Journal
from monitor.ingest.pending import Pending
from monitor.store.database import Database
from monitor.store.journaled import Journaled
from monitor.store.profiles import Profiles
from monitor.store.rows import Rows
from monitor.store.seal import Seal

POINTS: dict[str, tuple[type, str]] = {
    "write": (Rows, "commit"),
    "commit": (Database, "_commit"),
    "piece": (Profiles, "append"),
    "side_file": (Seal, "write"),
    "checkpoint": (Database, "checkpoint_now"),
    "frame": (Journal, "_write"),
    "sync": (Journal, "_sync"),
    "bring_in": (Pending, "_commit"),
    "reach": (Journaled, "reach"),
    "applied": (Journal, "applied"),
}
"""Where the process can be killed, before and after: our own calls around each step on the way to durable."""

_calls: Counter[str] = Counter()


def armed(owner: type, name: str, when: str, count: int) -> None:
    """Wrap a method so that its ``count``-th call kills the process ``before`` or ``after`` it."""
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **more: Any) -> Any:
        _calls[name] += 1
        fatal = _calls[name] == count
        if fatal and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **more)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


def checkpoint_often(every: int) -> None:
    """Let every ``every``-th commit be followed by a checkpoint, on the committing thread."""
    original = Database._commit
    commits = Counter[str]()

    def checkpoint_now(database: Database) -> None:
        database.query("CHECKPOINT")

    def commit(database: Database) -> None:
        original(database)
        commits["all"] += 1
        if commits["all"] % every == 0:
            database.checkpoint_now()  # type: ignore[attr-defined]  # added below

    Database.checkpoint_now = checkpoint_now  # type: ignore[attr-defined]  # only in this process
    Database._commit = commit  # type: ignore[method-assign]  # only in this process


def main() -> None:
    """Arm what the environment asks for, and serve on the port given."""
    checkpoint_often(int(os.environ.get("CRASH_CHECKPOINT_EVERY", "40")))
    point = os.environ.get("CRASH_POINT")
    if point:
        name, when, count = point.split(":")
        armed(*POINTS[name], when, int(count))
    serve(None, port=int(sys.argv[1]), dashboard=False)


if __name__ == "__main__":
    main()
