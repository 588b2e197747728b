"""Which model and version a request's path names, in every dialect that is read, and which id its headers."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

_LONGEST_ID = 256
# Servers are mounted below prefixes, so only the end of a path has to match.
_PATHS = tuple(
    re.compile(pattern + r"/?$")
    for pattern in (
        r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(?:infer|generate|generate_stream|explain))?",
        r"/v1/models/([^/:]+)(?:/(?:versions|labels)/([^/:]+))?(?::\w+)?",
        r"/(?:predictions|explanations)/([^/]+)(?:/([^/]+))?",
        r"/endpoints/([^/]+)/invocations()",
    )
)


def model_of(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the model and version in the header ``:path``; None for what it does not say.

    >>> model_of({":path": "/v1/models/iris/versions/2:predict"})
    ('iris', '2')
    >>> model_of({":path": "/predictions/iris/1.0?x=1"}), model_of({})
    (('iris', '1.0'), (None, None))
    """
    path = headers.get(":path", "").partition("?")[0]
    for pattern in _PATHS:
        match = pattern.search(path)
        if match is not None:
            model, version = match.groups()
            return unquote(model), unquote(version) if version else None
    return None, None


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id that a proxy or client gave to a request in ``x-request-id``, if it can name rows.

    >>> request_id({"x-request-id": "abc-1"}), request_id({"x-request-id": "x" * 300}), request_id({})
    ('abc-1', None, None)
    """
    said = headers.get("x-request-id", "")
    return said if 0 < len(said) <= _LONGEST_ID else None
