"""What the demo says while it works: numbered steps, progress with counts and time left, and what each step did."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from monitor.errors import Unavailable, WatchglassError

LOG_WIDTH = 120

Advance = Callable[..., None]
"""Call with how many more are done, and optionally ``note=`` a few words on where the work is."""


class Show:
    """Prints the steps of one run. ``step`` is the one under way, for the message when it fails."""

    def __init__(self, console: Console | None = None, steps: int = 9) -> None:
        self.console = console or Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
        self.step = ""
        self._steps = steps
        self._number = 0

    @contextmanager
    def doing(self, title: str) -> Iterator[None]:
        """Print a step's title, and how long it took when it is done.

        Raises:
            Unavailable: the step failed; the message names it.
        """
        self._number += 1
        self.step = f"step {self._number} of {self._steps}, {title[0].lower()}{title[1:]}"
        self.console.print(f"\n[bold cyan]{self._number}/{self._steps}[/] [bold]{title}[/]")
        started = time.perf_counter()
        try:
            yield
        except (WatchglassError, OSError) as error:
            raise Unavailable(f"The demo failed at {self.step}: {error}") from error
        self.console.print(f"    [dim]{time.perf_counter() - started:.1f} s[/]")

    def say(self, line: str) -> None:
        """Print one line about what was done; the text is not read as markup."""
        self.console.print(f"    {line}", markup=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        """Print one line that must not be missed."""
        self.console.print(f"    ! {line}", markup=False, soft_wrap=True, style="bold yellow")

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Advance]:
        """Show a bar with counts and the time left; it disappears when done, where the terminal allows it."""
        columns = (
            TextColumn("    {task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
        )
        with Progress(*columns, console=self.console, transient=self.console.is_terminal) as bars:
            task = bars.add_task(what, total=total, note="")

            def advance(done: int, note: str | None = None) -> None:
                if note is not None:
                    bars.update(task, note=note)
                bars.advance(task, done)

            yield advance
