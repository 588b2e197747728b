"""Say how many of a model's rows are kept, and how many its counts and charts stand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.api.operation import Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.errors import InvalidInput
from monitor.types import Sampling, Window

_EPOCH, _END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReply:
    """What became of the rows stored: ``stored = kept + thinned + expired``.

    ``kept`` rows are there in full; of ``thinned`` ones what labels and de-duplication need is left until the label
    deadline; ``expired`` ones are only counted. ``why`` counts the rows not kept by reason. Profiles cover all of them.
    ``rate`` is the share kept as measured, null where there are no rows; ``asked`` is the model's setting.
    """

    stored: int
    kept: int
    thinned: int
    expired: int
    why: Mapping[str, int]
    rate: float | None
    asked: Sampling
    keep_rows_days: int | None


def operations(services: Services) -> list[Operation]:
    """Return the operation that tells how many rows are kept."""

    def get_kept(call: Call) -> Reply:
        """Count the rows of some hours, or of all time, by what became of them."""
        model = services.store.catalog.model(call.path["model"])
        start, end = call.time("start"), call.time("end")
        for name, moment in (("start", start), ("end", end)):
            if moment is not None and (moment.minute, moment.second, moment.microsecond) != (0, 0, 0):
                raise InvalidInput(
                    f"{name} is {moment.isoformat()}; whole hours are allowed: rows are counted by them."
                )
        window = Window(start or _EPOCH, end or _END) if start or end else None
        found = services.store.thinning.counts(model.name, window, call.text("version"))
        return Reply(
            KeptReply(
                stored=found.stored,
                kept=found.kept,
                thinned=found.thinned,
                expired=found.expired,
                why=found.why,
                rate=found.rate,
                asked=model.settings.sampling,
                keep_rows_days=model.settings.keep_rows_days,
            )
        )

    return [
        Operation(
            method="GET",
            path="/v1/models/{model}/kept",
            name="get_kept",
            summary="Count the rows stored, and how many of them are kept.",
            tag="inferences",
            handler=get_kept,
            replies={200: KeptReply},
            errors=(404, 422),
            parameters=(
                Parameter(name="start", type="date-time", description="From this hour on."),
                Parameter(name="end", type="date-time", description="Before this hour."),
                Parameter(name="version", description="Only this version."),
            ),
        )
    ]
