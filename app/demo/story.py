"""What happens in the demo, and when: every date, seed and size in one place."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from monitor.types import Window

MODEL = "flights"
"""The model's name, everywhere."""

INFER = f"/v2/models/{MODEL}/infer"
"""Where it is served, by the Open Inference Protocol v2."""


def midnight(day: date) -> datetime:
    """Return the first moment of a day, UTC.

    >>> midnight(date(2013, 5, 1)).isoformat()
    '2013-05-01T00:00:00+00:00'
    """
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of the model: trained on [train, reference), held against [reference, until), served from a day on.

    ``reference`` flights come after the training data, so the reference window shows the model on data it never saw.
    They are three and four months: a detector knows only as much of weather and schedules as its reference shows.
    """

    version: str
    seed: int
    train: date
    reference: date
    until: date
    served: date

    @property
    def training_window(self) -> Window:
        """The flights it learns from."""
        return Window(midnight(self.train), midnight(self.reference))

    @property
    def reference_window(self) -> Window:
        """The flights that monitoring compares with."""
        return Window(midnight(self.reference), midnight(self.until))


@dataclass(frozen=True, slots=True)
class Fault:
    """A unit change in one column, as when an upstream feed is rewritten, put in on [first, until)."""

    column: str
    factor: float
    was: str
    becomes: str
    first: date
    until: date

    def active(self, day: date) -> bool:
        """Tell whether the fault is in on ``day``."""
        return self.first <= day < self.until

    def apply(self, table: pa.Table) -> pa.Table:
        """Return ``table`` as the broken feed sends it."""
        at = table.schema.get_field_index(self.column)
        return table.set_column(at, self.column, pc.multiply(table[self.column], self.factor))


@dataclass(frozen=True, slots=True)
class Story:
    """The whole demo. The defaults are what `watchglass demo` plays; tests play a shorter one."""

    first: date = date(2013, 5, 1)
    until: date = date(2013, 9, 1)
    editions: tuple[Edition, ...] = (
        Edition("1", 1, date(2013, 1, 1), date(2013, 2, 1), date(2013, 5, 1), date(2013, 5, 1)),
        Edition("2", 2, date(2013, 1, 1), date(2013, 3, 1), date(2013, 7, 1), date(2013, 7, 1)),
    )
    fault: Fault = field(
        default=Fault("airport_delay", 60.0, "minutes", "seconds", date(2013, 8, 27), date(2013, 9, 1))
    )
    largest_request: int = 36
    seed: int = 13
    label_delay: timedelta = timedelta(days=1)

    def serving(self, day: date) -> Edition:
        """Return the version that is served on ``day``: the last one whose day has come."""
        return [edition for edition in self.editions if edition.served <= day][-1]


def short(days: int = 3) -> Story:
    """Return a story of a few days with everything in it, for tests: version 2 and the fault on the last day.

    Training and reference are shorter too: a month, and half a month.
    """
    whole = Story()
    first = date(2013, 8, 1)
    last = first + timedelta(days=days - 1)
    one, two = whole.editions
    return replace(
        whole,
        first=first,
        until=last + timedelta(days=1),
        editions=(
            replace(one, train=date(2013, 3, 1), reference=date(2013, 4, 1), until=date(2013, 4, 16), served=first),
            replace(two, train=date(2013, 5, 1), reference=date(2013, 6, 1), until=date(2013, 6, 16), served=last),
        ),
        fault=replace(whole.fault, first=last, until=last + timedelta(days=1)),
    )
