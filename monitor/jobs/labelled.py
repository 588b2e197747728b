"""What earlier windows came to once labelled, so that an estimate is judged by them; read from profiles."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from monitor.jobs.windows import length
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.build import read
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.types import Model, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

LOOKED_BACK: Final = 40


class Realised(NamedTuple):
    """What the labels of one window say: how many there are, and each measure that is defined."""

    rows: int
    values: Mapping[str, float]


class Labelled:
    """Reads the outcomes of windows, and computes the measures only of those whose labels have changed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, Window], tuple[object, Realised]] = {}

    def before(
        self,
        context: "JobContext",
        model: Model,
        binning: Binning,
        window: Window,
        measures: Sequence[PerformanceMeasure],
    ) -> dict[tuple[str, str], dict[Window, Realised]]:
        """Return, by version and segment, the windows with labels among the `LOOKED_BACK` before one.

        Args:
            context: where profiles are read.
            model: whose.
            binning: the model's bins; pieces made with others are left out.
            window: the windows that end by its start are looked at.
            measures: what is computed of each.
        """
        span = length(model)
        start = window.start - LOOKED_BACK * span
        apart = span % timedelta(days=1) != timedelta(0)  # whole days come added up
        pieces = context.pieces(model.name, Window(start, window.start), columns=[OUTCOME], hours=apart)
        pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))
        at = pieces.schema.get_field_index("hour")
        first = pa.scalar(start, pieces["hour"].type).cast(pa.int64()).as_py()
        places = (pieces["hour"].cast(pa.int64()).to_numpy() - first) // (span // timedelta(microseconds=1))
        merged = merge(
            pieces.set_column(at, "hour", pa.array(places)), ["version", "segment", "hour", "column", "binning"]
        )
        found: dict[tuple[str, str], dict[Window, Realised]] = {}
        for row, (version, segment, place) in enumerate(
            zip(*(merged[name].to_pylist() for name in ("version", "segment", "hour")), strict=True)
        ):
            then = Window(start + place * span, start + (place + 1) * span)
            key = (model.name, version, segment, then)
            said = self._realised(model, binning, key, merged.slice(row, 1), measures)
            found.setdefault((version, segment), {})[then] = said
        self._forget(model, start)
        return found

    def _realised(
        self,
        model: Model,
        binning: Binning,
        key: tuple[str, str, str, Window],
        piece: pa.Table,
        measures: Sequence[PerformanceMeasure],
    ) -> Realised:
        stamp = (zlib.crc32(piece["counts"][0].values.to_numpy().tobytes()), model.settings.outcome_values)
        known = self._known.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        outcome = read(piece, binning, model.schema)[OUTCOME]
        assert isinstance(outcome, Outcome)  # noqa: S101 - the column says so
        values = {measure.name: measure.value(outcome) for measure in measures}
        said = Realised(outcome.rows, {name: value for name, value in values.items() if value is not None})
        self._known[key] = (stamp, said)
        return said

    def _forget(self, model: Model, before: datetime) -> None:
        old = [key for key in self._known if key[0] == model.name and key[3].start < before]
        for key in old:
            del self._known[key]
