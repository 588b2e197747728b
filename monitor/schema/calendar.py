"""The owner's calendar of days that are known to be unlike others."""

from datetime import timedelta

from monitor.types import Event, Model, Window


def event_of(model: Model, window: Window) -> str:
    """Return the name of the event of the calendar that a window meets; empty for none."""

    def meets(event: Event) -> bool:
        last = (window.end - timedelta(microseconds=1)).date()
        return event.first <= last and window.start.date() < event.until

    return next((event.name for event in model.settings.calendar if meets(event)), "")
