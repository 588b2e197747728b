"""The few errors Watchglass raises; each says what was got, what is allowed and what to do."""


class WatchglassError(Exception):
    """Base of every error that a user can cause and mend."""


class InvalidInput(WatchglassError):
    """Something given is malformed: a body, a schema, a parameter. HTTP 422."""


class NotFound(WatchglassError):
    """A model, version, inference or file that does not exist. HTTP 404."""


class NotKept(NotFound):
    """There was such a row; it was counted and is not kept. HTTP 404."""


class Conflict(WatchglassError):
    """What is asked contradicts what is stored, such as a changed schema. HTTP 409."""


class Unavailable(WatchglassError):
    """Not now: starting or stopping, a worker died, an upstream does not answer. HTTP 503."""


class Held(Unavailable):
    """Another process owns the store's file; a command lets go of it when it is done. HTTP 503."""


class Overloaded(Unavailable):
    """More comes in than can be stored; what is refused can be sent again in a moment. HTTP 429."""


class DiskFull(Unavailable):
    """The disk has no room for more rows; what is refused can be sent again once it has. HTTP 507."""


class ConfigError(WatchglassError):
    """A configuration key is missing or wrong; the message names the key."""
