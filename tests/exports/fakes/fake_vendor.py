"""A vendor's API as a stateful HTTP server in this process: routes, chaos, rate accounting, a log of
requests.

Subclass it per vendor; a handler changes the fake's own state and returns an `Answer`:

    class FakeHubSpot(FakeVendor):
        @route("POST", r"/crm/v3/objects/contacts/batch/upsert")
        def upsert(self, request: Request) -> Answer: ...

    with FakeHubSpot(chaos=Chaos(seed=1, lost=0.1)).serving() as fake:
        fake.url

Handlers run one at a time, so state needs no locks. A lost answer is lost after the handler has run: the
change is committed and the client never hears of it.
"""

import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes
    arguments: dict[str, str] = field(default_factory=dict)
    queries: dict[str, list[str]] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    """Sent as it is, in place of the JSON `body`."""


@dataclass
class Chaos:
    """Shares of requests that go wrong. `lost`: committed, then the connection breaks."""

    seed: int = 0
    lost: float = 0.0
    throttled: float = 0.0
    unavailable: float = 0.0


def route(method: str, pattern: str) -> Callable[[Any], Any]:
    """Marks a handler: method and a regular expression for the whole path; named groups become arguments."""

    def mark(function: Any) -> Any:
        function.route = (method, re.compile(pattern))
        return function

    return mark


class FakeVendor:
    limits: tuple[tuple[int, float], ...] = ()
    """(requests, seconds) sliding windows; exceeding one is answered with 429 and counted in `violations`."""
    retry_after: str | None = "0"
    tells_retry_after = True
    """Whether the vendor sends `Retry-After` with its 429."""
    latency_seconds = 0.0

    def __init__(
        self, chaos: Chaos | None = None, limits: tuple[tuple[int, float], ...] | None = None
    ) -> None:
        self.chaos = chaos or Chaos()
        self.limits = self.limits if limits is None else limits
        self.log: list[Request] = []
        self.arrivals: list[float] = []
        self.violations = 0
        self.lost_answers = 0
        self._random = random.Random(self.chaos.seed)
        self._lock = threading.Lock()
        self._routes = [
            (*found.route, name)
            for name in sorted(dir(type(self)))
            if hasattr(found := getattr(type(self), name), "route")
        ]

    def before(self, request: Request) -> Answer | None:
        """Called before the handler, for example to check credentials or a contract; an answer ends it
        here.
        """
        return None

    def throttled_answer(self) -> Answer:
        return Answer(
            429, {"message": "rate limit"}, {"Retry-After": self.retry_after} if self.retry_after else {}
        )

    def answer(self, request: Request) -> Answer | None:
        """What the client gets; None breaks the connection."""
        if self.latency_seconds:
            time.sleep(self.latency_seconds)
        with self._lock:
            now = time.monotonic()
            if any(self._count(now - seconds) >= allowed for allowed, seconds in self.limits):
                self.violations += 1
                return self.throttled_answer()
            self.arrivals.append(now)
            fate = self._random.random()
            if fate < self.chaos.throttled:
                return self.throttled_answer()
            if fate < self.chaos.throttled + self.chaos.unavailable:
                return Answer(503, {"message": "try later"})
            self.log.append(request)
            answer = self.before(request) or self._handle(request)
            if self.chaos.lost and self._random.random() < self.chaos.lost:
                self.lost_answers += 1
                return None
            return answer

    def _count(self, since: float) -> int:
        count = 0
        for arrival in reversed(self.arrivals):
            if arrival <= since:
                break
            count += 1
        return count

    def _handle(self, request: Request) -> Answer:
        for method, pattern, name in self._routes:
            found = pattern.fullmatch(request.path)
            if method == request.method and found:
                request.arguments = {key: unquote(value) for key, value in found.groupdict().items()}
                answer: Answer = getattr(self, name)(request)
                return answer
        return Answer(404, {"message": f"no route {request.method} {request.path}"})

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Self]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("content-length") or 0)
                queries = parse_qs(parts.query)
                query = {key: values[-1] for key, values in queries.items()}
                headers = {key.lower(): value for key, value in self.headers.items()}
                answer = fake.answer(
                    Request(self.command, parts.path, query, headers, self.rfile.read(length), {}, queries)
                )
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                content = b"" if answer.body is None else json.dumps(answer.body).encode()
                content = content if answer.content is None else answer.content
                self.send_response_only(answer.status)  # without a date of its own
                for key, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that was killed

        server = Server(("127.0.0.1", port), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
