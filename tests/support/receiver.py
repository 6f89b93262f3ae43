"""A receiver of webhooks: a real HTTP server that keeps what it got, and answers as it is told."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Receiver(http.server.BaseHTTPRequestHandler):
    """`answers`: (status, headers) for the next requests, then 204; `got`: (headers, body) of each."""

    answers: list[tuple[int, dict[str, str]]]
    got: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[tuple[str, type[Receiver]]]:
    """(its address, its handler) while the block lasts."""
    handler = type("Handler", (Receiver,), {"answers": [], "got": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}/hook?x=1", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
