"""Logging in for a token, again when it has run out: what OAuth and session APIs have in common."""

from __future__ import annotations

import threading
from collections.abc import Generator

import httpx

from exports.engine.errors import Unavailable


class TokenAuth(httpx.Auth):
    """Sends a token with each request; fetches one when there is none and after a 401.

    A subclass says how to ask for a token, how to read it and how to send it. Where none is to be had, the
    request goes out without: the server's own refusal is what the client reports. A login that is refused for
    another reason than its credentials is tried again later.
    """

    requires_response_body = True

    def __init__(self) -> None:
        self._token: str | None = None
        self._lock = threading.Lock()

    def login(self) -> httpx.Request:
        """The request that asks for a token."""
        raise NotImplementedError

    def token_of(self, answer: httpx.Response) -> str | None:
        """The token in the answer, None if it was refused."""
        raise NotImplementedError

    def header(self, token: str) -> str:
        """Value of the header `Authorization`."""
        return f"Bearer {token}"

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx around each request."""
        request.read()
        with self._lock:
            token = self._token
        if token is None:
            token = yield from self._fetch()
        answer = yield self._signed(request, token)
        if answer.status_code == 401 and token:
            token = yield from self._fetch()
            yield self._signed(request, token)

    def _fetch(self) -> Generator[httpx.Request, httpx.Response, str | None]:
        answer = yield self.login()
        answer.read()
        if answer.status_code not in (200, 400, 401):
            raise Unavailable(f"login: status {answer.status_code}")
        token = self.token_of(answer) if answer.status_code == 200 else None
        with self._lock:
            self._token = token
        return token

    def _signed(self, request: httpx.Request, token: str | None) -> httpx.Request:
        if token:
            request.headers["authorization"] = self.header(token)
        return request
