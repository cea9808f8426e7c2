"""How blobs are named and listed: contents of files, each known by its SHA-256, each kept once.

Under a root directory ``blobs/ab/abcdef…`` holds what was not sent yet, and for a while what was. Beside a writer's
segments ``blobs`` lists what its events name, one line a blob, appended before the event is:

    SHA256 BYTES [SOURCE], and a line feed

SOURCE, in percent encoding, is a file that had this content when the line was written; it stands in for a blob that is
not kept here because a server has it. ``blobs.acked`` says how far the list is with a server.
"""

from typing import NamedTuple
from urllib.parse import quote, unquote

DIRECTORY_NAME = "blobs"
LIST_NAME = "blobs"
ACKED_NAME = "blobs.acked"
PINS_NAME = ".pins"
SENT_NAME = ".sent"

_DIGITS = frozenset("0123456789abcdef")


class Blob(NamedTuple):
    """A content: its SHA-256 in 64 hexadecimal digits, and its length in bytes."""

    sha256: str
    bytes: int


class Listed(NamedTuple):
    """A line of a writer's list."""

    sha256: str
    bytes: int
    source: str = ""

    @property
    def blob(self) -> Blob:
        """What is listed."""
        return Blob(self.sha256, self.bytes)


def is_sha256(text: str) -> bool:
    """Whether it is written as digests are here, so that it can be part of a path."""
    return len(text) == 64 and _DIGITS.issuperset(text)


def blob_path(sha256: str) -> str:
    """Where it is, below a folder of blobs. Raises ValueError for what is no digest."""
    if not is_sha256(sha256):
        raise ValueError(f"{sha256[:100]!r} is no SHA-256 in lower-case hexadecimal digits")
    return f"{sha256[:2]}/{sha256}"


def list_line(blob: Blob, source: str = "") -> bytes:
    """A line of a writer's list."""
    quoted = f" {quote(source, errors='surrogateescape')}" if source else ""
    return f"{blob.sha256} {blob.bytes}{quoted}\n".encode()


def read_list(data: bytes) -> tuple[list[Listed], int]:
    """The whole lines, and where they end; a line that a crash has torn is as if it were not there."""
    end = data.rfind(b"\n") + 1
    listed = []
    for line in data[:end].split(b"\n"):
        words = line.split(b" ")
        if 2 <= len(words) <= 3 and words[1].isdigit() and is_sha256(words[0].decode("latin-1")):
            source = unquote(words[2].decode("latin-1"), errors="surrogateescape") if words[2:] else ""
            listed.append(Listed(words[0].decode(), int(words[1]), source))
    return listed, end
