"""What a form holds, read by the standard library: the oracle for what the collectors make of it."""

import base64
import json
from email.parser import BytesParser
from typing import Any


def multipart(body: bytes, content_type: str) -> tuple[dict[str, list[Any]], bytes | None]:
    """Read a form's fields; and the bytes of a single one that is JSON, which is as if it were the body."""
    message = BytesParser().parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields: dict[str, list[Any]] = {}
    for part in message.get_payload():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        value = json.loads(content) if part.get_content_type() == "application/json" else _guessed(content)
        for key, one in value.items() if isinstance(value, dict) else ((name, value),):
            fields.setdefault(key, []).append(one)
    alone = len(message.get_payload()) == 1 and isinstance(value, dict | list)
    return fields, content if alone else None


def _guessed(content: bytes) -> Any:
    try:
        value = json.loads(content)
    except ValueError:
        return text(content)
    return value if isinstance(value, dict | list) else text(content)


def is_text(content: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def text(content: bytes) -> str:
    """Return bytes as text, or as base64 where they are none."""
    said = content.decode() if is_text(content) else ""
    bare = any(ord(letter) < 32 and letter not in "\t\n\r" for letter in said)
    return said if is_text(content) and not bare else base64.b64encode(content).decode()
