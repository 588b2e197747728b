"""The few errors Watchglass raises; each says what was got, what is allowed and what to do."""


class WatchglassError(Exception):
    """Base of every error that a user can cause and mend."""


class InvalidInput(WatchglassError):
    """Something given is malformed: a body, a schema, a parameter. HTTP 422."""


class NotFound(WatchglassError):
    """A model, version, inference or file that does not exist. HTTP 404."""


class Conflict(WatchglassError):
    """What is asked contradicts what is stored, such as a changed schema. HTTP 409."""


class Unavailable(WatchglassError):
    """Not now: the queue is full, a worker died, an upstream does not answer. HTTP 503."""


class ConfigError(WatchglassError):
    """A configuration key is missing or wrong; the message names the key."""
