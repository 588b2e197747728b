"""A model's windows: one after another, as long as its owner set."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.types import Model, Window


def length(model: Model) -> timedelta:
    """How long a window of a model is."""
    return timedelta(hours=model.settings.window_hours)


def grid(model: Model, start: datetime, until: datetime) -> Iterator[Window]:
    """Yield the windows that begin at ``start`` or later and are closed by ``until``, in order.

    >>> from datetime import UTC
    >>> from monitor.types import ModelSchema, Settings, Task
    >>> start = datetime(2013, 5, 1, tzinfo=UTC)
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=())
    >>> model = Model(name="m", schema=schema, settings=Settings(window_hours=12), created=start)
    >>> [window.start.hour for window in grid(model, start, start + timedelta(hours=25))]
    [0, 12]
    """
    while start + length(model) <= until:
        yield Window(start, start + length(model))
        start += length(model)
