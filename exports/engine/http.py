"""HTTP for destinations: one pooled client, rate limits before each request, vendors' answers as our errors.

Belongs here: what is the same for every vendor. Retries are the engine's: a call fails once and says how.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from exports.engine.errors import Refused, Rejected, Throttled, Unavailable
from exports.engine.rate import Limit, RateLimiter


@dataclass(frozen=True)
class RateInfo:
    """What the headers of an answer tell: requests left in the window and seconds until it ends."""

    remaining: int | None = None
    reset_seconds: float | None = None


@dataclass(frozen=True)
class Response:
    """A parsed answer. `body` is the JSON value, None for none; `content` the bytes."""

    status: int
    body: Any
    headers: httpx.Headers
    content: bytes = b""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of `Retry-After`; its form as a date is not used by the vendors we write to."""
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


class Client:
    """Requests to one vendor.

    `limits` names the vendor's buckets; a request says which it counts in (`default` if it does not).
    `rate_info` reads the vendor's own headers. `throttled` tells answers other than 429 that mean too fast
    (Mailchimp's bare 403, Salesforce's REQUEST_LIMIT_EXCEEDED). `refused` statuses end the run.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | tuple[str, str] | None = None,
        timeout_seconds: float = 60.0,
        connections: int = 10,
        limits: Mapping[str, Sequence[Limit]] | None = None,
        rate_info: Callable[[httpx.Headers], RateInfo] | None = None,
        throttled: Callable[[Response], bool] = lambda response: response.status == 429,
        refused: frozenset[int] = frozenset({401, 402, 403}),
    ) -> None:
        self.name = name
        self._http = httpx.Client(
            base_url=base_url,
            headers={"content-type": "application/json", **(headers or {})},
            auth=auth,
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
        )
        self._limiters = {bucket: RateLimiter(found) for bucket, found in (limits or {}).items()}
        self._rate_info, self._throttled, self._refused = rate_info, throttled, refused

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        bucket: str = "default",
        expect: frozenset[int] = frozenset(),
        raw: bool = False,
    ) -> Response:
        """One request. `expect` lists statuses from 400 on that the caller reads itself (404, 409 …); `raw`
        says that a good answer is no JSON (CSV, an archive).

        Raises Throttled, Unavailable, Rejected (other 4xx) or Refused (credentials, scope, quota).
        """
        limiter = self._limiters.get(bucket)
        if limiter:
            limiter.acquire()
        data = content if content is not None or body is None else json.dumps(body).encode()
        try:
            answer = self._http.request(method, path, content=data, params=params, headers=headers)
        except httpx.TransportError as error:
            raise Unavailable(f"{self.name}: no answer ({type(error).__name__})") from None
        if limiter and self._rate_info:
            info = self._rate_info(answer.headers)
            if info.remaining == 0 and info.reset_seconds:
                limiter.block(info.reset_seconds)
        try:
            parsed = json.loads(answer.content) if answer.content else None
        except ValueError:
            if answer.is_success and not raw:
                raise Unavailable(f"{self.name}: an answer that is no JSON ({answer.status_code})") from None
            parsed = None
        response = Response(answer.status_code, parsed, answer.headers, answer.content)
        if self._throttled(response):
            after = retry_after(answer.headers)
            if limiter and after:
                limiter.block(after)
            raise Throttled(f"{self.name}: too fast ({response.status})", after)
        if response.status in expect or response.status < 400:
            return response
        if response.status >= 500 or response.status == 408:
            raise Unavailable(f"{self.name}: status {response.status}", retry_after(answer.headers))
        if response.status in self._refused:
            raise Refused(
                f"{self.name}: status {response.status} for {method} {_without_addresses(path)}: "
                "the credentials, their scopes or the account's plan do not allow it"
            )
        raise Rejected(reason_of(parsed), response.status, trace_id(answer.headers))

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()


def _without_addresses(path: str) -> str:
    """The path for a message: some vendors have e-mail addresses in it."""
    return "/".join("…" if "@" in part or "%40" in part else part for part in path.split("?")[0].split("/"))


def trace_id(headers: Mapping[str, str]) -> str | None:
    """The vendor's id of a request, under the names in use."""
    for name in ("x-hubspot-correlation-id", "x-request-id", "request-id", "x-trace-id", "cf-ray"):
        if name in headers:
            return headers[name]
    return None


def reason_of(body: Any) -> str:
    """The vendor's message in an error body, under the names in use; JSON text if there is none."""
    if isinstance(body, list) and body:
        return reason_of(body[0])
    if isinstance(body, dict):
        for name in ("detail", "message", "error_description", "title", "error"):
            if isinstance(body.get(name), str):
                return str(body[name])[:500]
        if isinstance(body.get("errors"), list) and body["errors"]:
            return reason_of(body["errors"][0])
    return json.dumps(body)[:500] if body else "no reason given"
