"""A model's windows: one after another, as long as its owner set."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.clock import EPOCH
from monitor.types import Model, Window


def length(model: Model) -> timedelta:
    """How long a window of a model is."""
    return timedelta(hours=model.settings.window_hours)


def window_of(model: Model, time: datetime) -> Window:
    """Return the window of a model that a moment is in.

    Windows are counted from the epoch, so that which rows were captured first has no say in where they begin; those
    that divide a day begin at midnight (UTC).

    >>> from datetime import UTC
    >>> from monitor.types import ModelSchema, Settings, Task
    >>> noon = datetime(2013, 5, 1, 12, tzinfo=UTC)
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=())
    >>> window_of(Model(name="m", schema=schema, settings=Settings(), created=noon), noon).start.hour
    0
    """
    start = time - (time - EPOCH) % length(model)
    return Window(start, start + length(model))


def grid(model: Model, start: datetime, until: datetime) -> Iterator[Window]:
    """Yield the windows from the one that ``start`` is in, as far as they are closed by ``until``, in order.

    >>> from datetime import UTC
    >>> from monitor.types import ModelSchema, Settings, Task
    >>> start = datetime(2013, 5, 1, tzinfo=UTC)
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=())
    >>> model = Model(name="m", schema=schema, settings=Settings(window_hours=12), created=start)
    >>> [window.start.hour for window in grid(model, start, start + timedelta(hours=25))]
    [0, 12]
    """
    window = window_of(model, start)
    while window.end <= until:
        yield window
        window = Window(window.end, window.end + length(model))
