"""The HTTP operations on a model as a whole: explain a window, and what its explanations come to."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from explain.choosing import AUTO
from explain.cost import WindowCost
from explain.service import ExplainService
from explain.summary import Difference, Importance, Point, differences, importance, points
from explain.tasks import ExplainTask
from explain.windows import Cohort, Sample, WindowAsked, sample, split, window_of
from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.errors import InvalidInput
from monitor.store import Store
from monitor.types import Window

SCOPE = (
    Parameter(name="start", description="Rows captured from then on.", type="date-time"),
    Parameter(name="end", description="Rows captured before then.", type="date-time"),
    Parameter(name="version", description="Only this version's rows."),
    Parameter(name="method", description="By this method; by default the one with most rows."),
)


class WindowRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which window to explain: ``rows`` of those captured from ``start`` up to ``end`` are chosen."""

    start: datetime
    end: datetime
    version: str | None = None
    method: str = AUTO
    rows: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceReply:
    """What a model went by in a window: from ``rows`` explanations by one method of rows that chance chose."""

    model: str
    window: Window
    method: str | None
    rows: int
    importance: list[Importance]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsReply:
    """One input over the explained rows: its values, and what each contributed."""

    feature: str
    method: str | None
    points: list[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReply:
    """Why one group of rows is answered differently from the others of the window."""

    method: str | None
    rows: tuple[int, int]
    answers: tuple[float | None, float | None]
    differences: list[Difference]


class Whole:
    """The handlers of windows."""

    def __init__(self, store: Store, service: ExplainService) -> None:
        self._store = store
        self._service = service

    def post_window(self, call: Call) -> Reply:
        """Begin to explain a window."""
        return Reply(self._service.tasks.view(self._service.windows.start(_asked(call))), 202)

    def post_cost(self, call: Call) -> Reply:
        """Return what the same request would cost; nothing is asked of the model."""
        return Reply(self._service.windows.cost(_asked(call)))

    def get_importance(self, call: Call) -> Reply:
        """Sum up the explanations of a window."""
        found = self._sample(call)
        reply = ImportanceReply(
            model=call.path["model"],
            window=found.window,
            method=found.method,
            rows=len(found.explanations),
            importance=importance(found.explanations),
        )
        return Reply(reply)

    def get_points(self, call: Call) -> Reply:
        """Return one input over the explained rows."""
        feature = call.text("feature") or ""
        found = self._sample(call)
        self._known(call.path["model"], feature)
        return Reply(PointsReply(feature=feature, method=found.method, points=points(found.explanations, feature)))

    def get_cohort(self, call: Call) -> Reply:
        """Compare a group of rows with the others."""
        feature = call.text("feature") or ""
        self._known(call.path["model"], feature)
        found = self._sample(call)
        cohort = Cohort(feature=feature, value=call.text("value"), above=_number(call.text("above")))
        first, second = split(found.explanations, cohort)
        answers = tuple(
            sum(each.prediction for each in group) / len(group) if group else None for group in (first, second)
        )
        return Reply(
            CohortReply(
                method=found.method,
                rows=(len(first), len(second)),
                answers=(answers[0], answers[1]),
                differences=differences(first, second),
            )
        )

    def _sample(self, call: Call) -> Sample:
        end = call.time("end") or self._service.now()
        start = call.time("start") or datetime(1970, 1, 1, tzinfo=end.tzinfo)
        self._store.catalog.model(call.path["model"])
        return sample(self._store, call.path["model"], window_of(start, end), call.text("version"), call.text("method"))

    def _known(self, model: str, feature: str) -> None:
        schema = self._store.catalog.model(model).schema
        if schema.feature(feature) is None:
            known = ", ".join(each.name for each in schema.features)
            raise InvalidInput(f"no feature {feature!r}; {model!r} has: {known}")


def _asked(call: Call) -> WindowAsked:
    given = call.json(WindowRequest)
    return WindowAsked(
        model=call.path["model"],
        window=window_of(given.start, given.end),
        version=given.version,
        method=given.method,
        rows=given.rows,
        seed=given.seed,
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        raise InvalidInput(f"above must be a number, got {text!r}") from None


def operations(store: Store, service: ExplainService) -> list[Operation]:
    """Return the operations on windows and on what their explanations come to."""
    whole = Whole(store, service)
    model = "/v1/models/{model}"
    feature = Parameter(name="feature", description="The input.", required=True)
    return [
        Operation(
            method="POST",
            path=f"{model}/explanations",
            name="explain_window",
            summary="Begin to explain rows of a window that chance chooses; the answer tells how to ask how far it is.",
            tag="explanations",
            handler=whole.post_window,
            replies={202: ExplainTask},
            errors=(400, 404, 413, 415, 422, 429),
            body=BodySpec(type=WindowRequest),
            slow=True,
        ),
        Operation(
            method="POST",
            path=f"{model}/explanations/cost",
            name="explain_window_cost",
            summary="Say what explaining a window would cost, in model rows and requests, without beginning.",
            tag="explanations",
            handler=whole.post_cost,
            replies={200: WindowCost},
            errors=(400, 404, 413, 415, 422),
            body=BodySpec(type=WindowRequest),
            slow=True,
        ),
        Operation(
            method="GET",
            path=f"{model}/importance",
            name="get_importance",
            summary="What the model went by, from the explained rows that chance chose.",
            tag="explanations",
            handler=whole.get_importance,
            replies={200: ImportanceReply},
            errors=(404, 422),
            parameters=SCOPE,
        ),
        Operation(
            method="GET",
            path=f"{model}/importance/points",
            name="get_importance_points",
            summary="One input's values and contributions over the explained rows.",
            tag="explanations",
            handler=whole.get_points,
            replies={200: PointsReply},
            errors=(404, 422),
            parameters=(feature, *SCOPE),
        ),
        Operation(
            method="GET",
            path=f"{model}/importance/cohort",
            name="compare_cohort",
            summary="Why a group of rows is answered differently from the others.",
            tag="explanations",
            handler=whole.get_cohort,
            replies={200: CohortReply},
            errors=(404, 422),
            parameters=(
                feature,
                Parameter(name="value", description="The group has exactly this value."),
                Parameter(name="above", description="The group has at least this number."),
                *SCOPE,
            ),
        ),
    ]
