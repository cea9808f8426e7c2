"""A reverse proxy as people put one before a server: it serves it below a prefix, which it cuts off."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PREFIX = "/tools/runwell"
NOT_FORWARDED = ("connection", "content-length", "transfer-encoding", "keep-alive")


def handler_for(base: str) -> type[BaseHTTPRequestHandler]:
    target = urlsplit(base)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(PREFIX + "/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=30)
            headers = {"accept": self.headers.get("accept", "*/*")}
            if self.headers.get("content-type"):
                headers["content-type"] = str(self.headers["content-type"])
            connection.request(self.command, self.path.removeprefix(PREFIX), body, headers)
            response = connection.getresponse()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in NOT_FORWARDED:
                    self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                while piece := response.read1(65536):
                    self.wfile.write(piece)
                    self.wfile.flush()
            connection.close()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def prefixed(base: str) -> Iterator[str]:
    """The address of the server behind the proxy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(base))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
    finally:
        server.shutdown()
        server.server_close()
