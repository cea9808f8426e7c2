"""Events other than rows, as the spool keeps them: the proto3 JSON form of runwell.v1.Event, made without protobuf."""

import json
from binascii import b2a_base64
from typing import Any


def event_payload(time: float, kind: str, fields: dict[str, Any]) -> bytes:
    """The event ``kind`` of that unix time. Bytes are allowed as values."""
    return json_bytes({"time": time, kind: fields})


def json_bytes(value: Any) -> bytes:
    """Compact JSON in UTF-8. NaN and the infinities are Python's literals; a lone surrogate becomes its escape's text."""
    text = _encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Within a JSON string a backslash would be an escape again, which no UTF-8 reader may turn into a character.
        return b"".join(_escaped(character) for character in text)


def clean(text: str) -> str:
    r"""``text`` without lone surrogates: "\udc80" becomes the six characters \\udc80."""
    return text.encode("utf-8", "backslashreplace").decode() if not text.isascii() else text


def _escaped(character: str) -> bytes:
    encoded = character.encode("utf-8", "backslashreplace")
    return b"\\" + encoded if "\ud800" <= character <= "\udfff" else encoded


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b2a_base64(value, newline=False).decode()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_base64).encode
