"""A real HTTP server that takes what webhooks get."""

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """Keeps every body by its path; ``answers`` says with which status a path is answered, None with nothing at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, int | None] = {}
        self.got: list[tuple[str, Any]] = []
        self.tries: list[str] = []
        self.release = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def titles(self, path: str) -> list[str]:
        return [body["title"] for at, body in list(self.got) if at == path]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.tries.append(self.path)
        status = self.server.answers.get(self.path, 200)
        if status is None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
            with contextlib.suppress(OSError):
                while not self.server.release.wait(0.05):
                    self.wfile.write(b"y")
            self.close_connection = True
            return
        if status == 200:
            self.server.got.append((self.path, body))
        self.send_response(status)
        self.send_header("location", self.server.url("/elsewhere"))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Until the end of the block."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.release.set()
            receiver.shutdown()
            thread.join()
