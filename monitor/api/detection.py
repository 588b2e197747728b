"""The detector over HTTP: how it stands, what a dial or a rule would have raised, and history backfilled."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.incidents import columns_of, incident_id
from monitor.alerts.judge import Course
from monitor.api.detector_shapes import (
    BackfillReply,
    DetectionReply,
    OpenIncident,
    TrialAlarm,
    TrialReply,
    TrialRequest,
    VersionDetection,
)
from monitor.api.operation import BodySpec, Call, Operation, Reply
from monitor.api.services import Services
from monitor.api.wishes import check_wishes
from monitor.detection import State
from monitor.errors import InvalidInput
from monitor.jobs.history import Trial, backfill, try_dials, try_rule
from monitor.jobs.windows import length, window_of
from monitor.schema import settings_from_dict
from monitor.types import Alert, Model, Rule

MOST_DAYS = 396


class Detections:
    """The handlers of the detector."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store

    def get_detection(self, call: Call) -> Reply:
        """Show how the detector stands."""
        model = self._store.catalog.model(call.path["model"])
        context, versions = self._services.scheduler.context, []
        for snapshot in self._store.detections.latest(model.name) if model.settings.dial is not None else []:
            watch = context.detectors.of(context, model, snapshot.version, snapshot.until - length(model))
            if watch is None or watch.basis != snapshot.basis:
                continue
            state, detector = State.from_json(snapshot.state), watch.detector
            versions.append(
                VersionDetection(
                    version=snapshot.version,
                    until=snapshot.until,
                    windows=detector.chunks,
                    calibrated=detector.calibrated,
                    threshold=detector.threshold,
                    open=[
                        OpenIncident(
                            alert=incident_id(model.name, snapshot.version, each.opened),
                            opened=each.opened,
                            kind=each.kind,
                            columns=columns_of(each),
                            snoozed=each.snoozed,
                        )
                        for each in state.open
                    ],
                    evidence=detector.weighed(state),
                    baselines=self._store.detections.baselines(model.name, snapshot.version),
                )
            )
        return Reply(DetectionReply(dial=model.settings.dial, versions=versions))

    def post_trial(self, call: Call) -> Reply:
        """Try a dial or a rule on the past; nothing is kept."""
        asked = call.json(TrialRequest)
        model = self._store.catalog.model(call.path["model"])
        if (asked.dial is None) == (asked.rule is None):
            raise InvalidInput("the body has dial and rule, or neither; give one of both")
        if not 1 <= asked.days <= MOST_DAYS:
            raise InvalidInput(f"days is {asked.days}; 1 to {MOST_DAYS} are allowed")
        context, span = self._services.scheduler.context, timedelta(days=asked.days)
        self._services.ingest.flush()
        until = self._judged(model)
        if asked.rule is not None:
            rule = _rule(model, asked.rule)
            tried = try_rule(context, model, rule, until, span)
            place = f" of {rule.feature}" if rule.feature else ""
            unheard = "" if tried.measured else f" Nothing was measured as {rule.metric}{place}."
            return Reply(_trial(tried, f"Rule {rule.name}", unheard))
        dial = settings_from_dict({"dial": asked.dial}).dial or 1.0
        return Reply(_trial(try_dials(context, model, [dial], until, span)[dial], f"At dial {dial:g} the detector"))

    def post_backfill(self, call: Call) -> Reply:
        """Play the history at the present settings, and keep what it raises."""
        model = self._store.catalog.model(call.path["model"])
        self._services.ingest.flush()
        with self._services.scheduler.alone():
            until = self._judged(model)
            found = backfill(self._services.scheduler.context, model, until)
        still = sum(alert.resolved is None for alert in found)
        return Reply(BackfillReply(until=until, fired=len(found), open=still, alarms=_alarms(found)))

    def _judged(self, model: Model) -> datetime:
        """Up to when a model's windows have been judged; where none has, up to the last that is over."""
        judged = self._store.measurements.watermark(Course.CLOSED, model.name)
        return judged or window_of(model, self._services.clock.now()).start


def _rule(model: Model, asked: dict[str, Any]) -> Rule:
    rule = (settings_from_dict({"rules": [asked]}).rules or ())[0]
    check_wishes(replace(model, settings=replace(model.settings, rules=(rule,))))
    return rule


def _trial(trial: Trial, what: str, rest: str = "") -> TrialReply:
    times = "once" if len(trial.alerts) == 1 else f"{len(trial.alerts)} times"
    mute = (
        f" {trial.mute:,} of {trial.measured:,} measurements said too little (few rows or labels)."
        if trial.mute
        else ""
    )
    return TrialReply(
        said=f"{what} would have fired {times} in {trial.days:g} day{'s' * (trial.days != 1)}.{mute}{rest}",
        fired=len(trial.alerts),
        paged=sum(alert.paged for alert in trial.alerts),
        days=trial.days,
        dates=[alert.since for alert in trial.alerts],
        alarms=_alarms(trial.alerts),
        calibrated=trial.calibrated,
    )


def _alarms(alerts: "tuple[Alert, ...] | list[Alert]") -> list[TrialAlarm]:
    return [
        TrialAlarm(
            since=alert.since,
            resolved=alert.resolved,
            version=alert.version,
            severity=alert.severity.value,
            title=alert.title,
            columns=alert.columns,
            paged=alert.paged,
            because=alert.because,
        )
        for alert in alerts
    ]


def operations(services: Services) -> list[Operation]:
    """Return the operations on the detector."""
    found = Detections(services)
    return [
        Operation(
            method="GET",
            path="/v1/models/{model}/detection",
            name="get_detection",
            summary="Show how the detector stands: dial, open incidents, evidence by column.",
            tag="alerts",
            handler=found.get_detection,
            replies={200: DetectionReply},
            errors=(404, 422),
            slow=True,
        ),
        Operation(
            method="POST",
            path="/v1/models/{model}/rules/trial",
            name="try_rule",
            summary="Say how often a dial or a rule would have fired in the past, and when; nothing is kept.",
            tag="alerts",
            handler=found.post_trial,
            replies={200: TrialReply},
            errors=(400, 404, 409, 413, 415, 422, 429),
            body=BodySpec(type=TrialRequest),
            slow=True,
        ),
        Operation(
            method="POST",
            path="/v1/models/{model}/detection/backfill",
            name="backfill_detection",
            summary="Keep the alarms that history would have raised at the present settings; nothing is sent.",
            tag="alerts",
            handler=found.post_backfill,
            replies={200: BackfillReply},
            errors=(404, 409, 422),
            slow=True,
        ),
    ]
