"""HTTP towards a Shopware 6 Admin API: token, search, retries, and errors in plain words.

Does not belong here: what is searched for (`shopware.py`) and what the answers mean (`shopware_mapping.py`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from ingestion.extract import SourceUnavailable
from stammkunde.config import ShopwareWebshop

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
_TOKEN_MARGIN_SECONDS = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long an answer is waited for; all times in seconds."""

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 120.0
    sleep: Callable[[float], None] = time.sleep


POLICY = RetryPolicy()


class Forbidden(SourceUnavailable):
    """The integration may not read this entity."""


class _Transient(Exception):
    """Worth another try. `wait` is what the server asked for, in seconds."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class _TokenRejected(Exception):
    """401 on a request that carried a token."""


@dataclass(frozen=True)
class Page:
    """An answer to a search: the objects and the total that the shop states."""

    data: list[dict[str, Any]]
    total: int


class ShopwareClient:
    """One session with a shop. All errors are SourceUnavailable with the URL and what came."""

    def __init__(self, settings: ShopwareWebshop, policy: RetryPolicy | None = None) -> None:
        self._api, self._is_loopback = _api_url(settings.url)
        self._settings = settings
        self._policy = policy or POLICY
        # A proxy from the environment must not stand between us and a server on this machine.
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=not self._is_loopback)
        self._token = ""
        self._token_ends = 0.0

    def __enter__(self) -> ShopwareClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def sends_secret_in_clear(self) -> bool:
        """Whether the client secret travels over plain http to another machine."""
        return self._api.scheme == "http" and not self._is_loopback

    def search(self, entity: str, criteria: dict[str, Any]) -> Page:
        """`POST /api/search/{entity}`. Raises Forbidden for a missing privilege, else SourceUnavailable."""
        url = self._url(f"search/{entity}")
        body = self._patiently(lambda: self._with_token(url, criteria))
        data, total = body.get("data"), body.get("total")
        if not isinstance(data, list) or not all(isinstance(d, dict) for d in data):
            raise SourceUnavailable(
                f"webshop: {url} answered JSON of another shape: no list 'data' of objects"
            )
        if not isinstance(total, int) or total < 0:
            raise SourceUnavailable(f"webshop: {url} answered JSON of another shape: 'total' is {total!r}")
        return Page(data, total)

    def _with_token(self, url: str, criteria: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._post(url, criteria, self._valid_token())
        except _TokenRejected:
            self._token = ""
        try:
            return self._post(url, criteria, self._valid_token())
        except _TokenRejected as error:
            raise SourceUnavailable(
                f"webshop: {url} answered 401 also with a fresh token; is the integration still active?"
            ) from error

    def _valid_token(self) -> str:
        if self._token and time.monotonic() < self._token_ends:
            return self._token
        url = self._url("oauth/token")
        body = self._post(
            url,
            {
                "grant_type": "client_credentials",
                "client_id": self._settings.client_id,
                "client_secret": self._settings.client_secret.get_secret_value(),
            },
            token=None,
        )
        token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not isinstance(seconds, int):
            raise SourceUnavailable(f"webshop: {url} answered JSON of another shape: no access_token")
        self._token = token
        # Renewed before its end, so that it does not run out under way; half its life if it is a short one.
        self._token_ends = time.monotonic() + max(seconds - _TOKEN_MARGIN_SECONDS, seconds / 2)
        return token

    def _post(self, url: str, content: dict[str, Any], token: str | None) -> dict[str, Any]:
        headers = {"Accept": "application/json", "sw-inheritance": "1"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._http.post(url, json=content, headers=headers)
        except httpx.TimeoutException as error:
            raise _Transient(f"webshop: {url} did not answer in time ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise _Transient(f"webshop: {url} cannot be reached or broke off: {error}") from error
        self._check_status(url, response, token is not None)
        return _json_object(url, response)

    def _check_status(self, url: str, response: httpx.Response, has_token: bool) -> None:
        status = response.status_code
        if status == 200:
            return
        said = _said(response)
        if status == 429 or status >= 500:
            raise _Transient(f"webshop: {url} answered {status}{said}", _retry_after(response))
        if status == 401 and has_token:
            raise _TokenRejected
        if not has_token and status in (400, 401):
            raise SourceUnavailable(
                f"webshop: {url} answered {status}{said}; check client_id and client_secret"
            )
        if status == 403:
            raise Forbidden(f"webshop: {url} answered 403{said}; give the integration the right to read it")
        if 300 <= status < 400:
            target = response.headers.get("location", "elsewhere")
            raise SourceUnavailable(
                f"webshop: {url} redirects to {target}; put the right url in the configuration"
            )
        hint = "; is this the address of a Shopware 6 shop?" if status == 404 else ""
        raise SourceUnavailable(f"webshop: {url} answered {status}{said}{hint}")

    def _patiently(self, attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        policy = self._policy
        backoff = wait_exponential_jitter(policy.first_wait, policy.longest_wait, jitter=policy.first_wait)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, _Transient) and error.wait is not None:
                return min(error.wait, policy.longest_retry_after)
            return backoff(state)

        attempts = Retrying(
            retry=retry_if_exception_type(_Transient),
            stop=stop_after_attempt(policy.attempts),
            wait=wait,
            sleep=policy.sleep,
            reraise=True,
        )
        try:
            return attempts(attempt)
        except _Transient as error:
            raise SourceUnavailable(f"{error} (tried {policy.attempts} times)") from error

    def _url(self, path: str) -> str:
        return f"{self._api}/{path}"


def _api_url(text: str) -> tuple[httpx.URL, bool]:
    """The Admin API's address (`/api` may be left out in the configuration); whether it is this machine."""
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL as error:
        raise SourceUnavailable(f"webshop: the url is not valid: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise SourceUnavailable("webshop: the url has to begin with https:// and name the shop's host")
    if url.userinfo:
        raise SourceUnavailable("webshop: the url must not hold a user name or password")
    if not url.path.endswith("/api"):
        url = url.copy_with(path=url.path.rstrip("/") + "/api")
    return url, url.host in _LOOPBACK


def _json_object(url: str, response: httpx.Response) -> dict[str, Any]:
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    if kind.startswith("text/"):
        start = " ".join(response.text[:200].split())[:80]
        raise SourceUnavailable(f"webshop: {url} answered a page ({kind}) instead of JSON: {start!r}")
    try:
        # Amounts stay decimal: 0.1 is not a binary fraction.
        body = json.loads(response.content, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        size = len(response.content)
        raise _Transient(f"webshop: {url} answered broken JSON of {size} bytes: {error}") from error
    if not isinstance(body, dict):
        raise SourceUnavailable(f"webshop: {url} answered JSON of another shape: {type(body).__name__}")
    return body


def _said(response: httpx.Response) -> str:
    """What Shopware's error says, or nothing when the body is something else."""
    try:
        error = response.json()["errors"][0]
        return f" ({error.get('title') or ''}: {error.get('detail') or ''})"[:300]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return ""


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait; the form with a date is left to the back-off."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
