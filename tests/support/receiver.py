"""A receiver of webhooks: a real HTTP server that keeps what it got, and answers as it is told.

Beside the tests in a thread; or as a process of its own, for tests that fork: a fork takes along locks that other
threads held at that moment, and nobody who would release them.
"""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


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


@dataclass(frozen=True)
class Elsewhere:
    """A receiver in a process of its own, that writes down what it got before it answers."""

    url: str
    file: Path

    def got(self) -> list[tuple[dict[str, str], bytes]]:
        found = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [(headers, body.encode()) for headers, body in found]

    def forget(self) -> None:
        self.file.write_text("")


@contextmanager
def receiving_elsewhere(folder: Path) -> Iterator[Elsewhere]:
    """A receiver in a process of its own while the block lasts."""
    file = folder / "got"
    file.write_text("")
    command = [sys.executable, "-m", "tests.support.receiver", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2])
    try:
        assert process.stdout is not None
        yield Elsewhere(process.stdout.readline().strip(), file)
    finally:
        process.kill()
        process.wait(10)


def main(file: Path) -> None:
    """Serves until it is killed."""

    class Writing(Receiver):
        answers: list[tuple[int, dict[str, str]]] = []  # noqa: RUF012
        got: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012

        def send_response(self, code: int, message: str | None = None) -> None:
            headers, body = self.got.pop()
            with file.open("a") as out:
                out.write(json.dumps([headers, body.decode()]) + "\n")
            super().send_response(code, message)

    server = http.server.HTTPServer(("127.0.0.1", 0), Writing)
    print(f"http://127.0.0.1:{server.server_address[1]}/hook", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
