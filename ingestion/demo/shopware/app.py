"""The HTTP side of the Shopware-compatible Admin API: token, search, errors.

Read-only, as an integration that may only read: an attempt to write is answered with 403.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.demo.shopware.criteria import Criteria, parse
from ingestion.demo.shopware.entities import Entity, entities
from ingestion.demo.shopware.errors import ApiError
from ingestion.demo.shopware.store import Store
from ingestion.demo.shopware.values import LANGUAGE

VERSION = "6.7.10.1"
# Entities that a shop has and that this integration may not read.
_FORBIDDEN = frozenset({"user", "integration", "acl-role", "system-config", "plugin", "app"})
_NEXT_PAGES = 6


class Shop:
    """The endpoints and what they share."""

    def __init__(self, store: Store, client_id: str, client_secret: str, token_seconds: int) -> None:
        self._store = store
        self._client_id, self._client_secret = client_id, client_secret
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}
        self._entities = entities()

    def routes(self) -> list[Route]:
        """Everything that the server answers."""
        return [
            Route("/api/oauth/token", self.token, methods=["POST"]),
            Route("/api/_info/version", self.version, methods=["GET"]),
            Route("/api/_info/health-check", self.health, methods=["GET"]),
            Route("/api/search/{entity}", self.search, methods=["POST"]),
            Route("/api/{entity}", self.listing, methods=["GET", "POST"]),
            Route("/api/{entity}/{id}", self.detail, methods=["GET", "PATCH", "DELETE"]),
        ]

    async def token(self, request: Request) -> Response:
        """Client credentials, in the body (JSON or form) or as basic authentication."""
        body = await _token_body(request)
        client_id, client_secret = _basic(request) or (body.get("client_id"), body.get("client_secret"))
        if body.get("grant_type") != "client_credentials":
            detail = "The authorization grant type is not supported by the authorization server."
            raise ApiError(400, "2", "Check that all required parameters have been provided", detail)
        is_known = hmac.compare_digest(str(client_id).encode(), self._client_id.encode())
        is_right = hmac.compare_digest(str(client_secret).encode(), self._client_secret.encode())
        if not (is_known and is_right):
            raise ApiError(401, "10", "Client authentication failed", "Client authentication failed")
        token = secrets.token_urlsafe(32)
        now = time.monotonic()
        self._tokens = {t: end for t, end in self._tokens.items() if end > now}
        self._tokens[token] = now + self._token_seconds
        return JSONResponse(
            {"token_type": "Bearer", "expires_in": self._token_seconds, "access_token": token}
        )

    async def version(self, request: Request) -> Response:
        """The Shopware version whose API this is."""
        self._authorize(request)
        return JSONResponse({"version": VERSION})

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """200 when the server is up; needs no token."""
        return Response(status_code=200)

    async def search(self, request: Request) -> Response:
        """Entities by criteria."""
        entity = self._prepare(request)
        return await run_in_threadpool(self._answer, entity, await _json_object(request))

    async def listing(self, request: Request) -> Response:
        """Entities by page and limit."""
        if request.method == "POST":
            self._authorize(request)
            raise _missing_privilege(f"{request.path_params['entity']}:create")
        entity = self._prepare(request)
        query = {k: v for k, v in request.query_params.items() if k in ("page", "limit", "total-count-mode")}
        return await run_in_threadpool(self._answer, entity, query)

    async def detail(self, request: Request) -> Response:
        """One entity by its id."""
        if request.method != "GET":
            self._authorize(request)
            raise _missing_privilege(f"{request.path_params['entity']}:write")
        entity = self._prepare(request)
        wanted = request.path_params["id"]
        found = self._find(entity, parse(entity.alias, entity.fields, {"ids": [wanted], "limit": 1}))
        if not found:
            detail = f"{entity.alias} for id {wanted} not found."
            raise ApiError(404, "FRAMEWORK__ENTITY_NOT_FOUND", detail)
        return JSONResponse({"data": found[0]})

    def _authorize(self, request: Request) -> None:
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        detail = 'Missing "Authorization" header' if not header else "Access token could not be verified"
        if scheme.lower() != "bearer" or self._tokens.get(token, 0.0) <= time.monotonic():
            title = "The resource owner or authorization server denied the request."
            raise ApiError(401, "9", detail, title)

    def _prepare(self, request: Request) -> Entity:
        """Checks token, headers and entity in Shopware's order."""
        self._authorize(request)
        if request.headers.get("sw-language-id", LANGUAGE) != LANGUAGE:
            raise ApiError(412, "FRAMEWORK__LANGUAGE_NOT_FOUND", "The language was not found.")
        accept = request.headers.get("accept", "*/*")
        if not any(kind in accept for kind in ("application/json", "application/*", "*/*")):
            raise ApiError(406, "0", "Only application/json is served.")
        name = request.path_params["entity"]
        if name in _FORBIDDEN:
            raise _missing_privilege(f"{name}:read")
        if name not in self._entities:
            detail = f"No route found for {request.method} {request.url.path}"
            raise ApiError(404, "FRAMEWORK__RESOURCE_NOT_FOUND", detail)
        return self._entities[name]

    def _answer(self, entity: Entity, body: dict[str, Any]) -> Response:
        criteria = parse(entity.alias, entity.fields, body)
        for name in criteria.associations:
            if name not in entity.associations:
                detail = f"Can not find association by name {name}"
                raise ApiError(404, "FRAMEWORK__ASSOCIATION_NOT_FOUND", detail)
        data = self._find(entity, criteria)
        answer = {"total": self._total(entity, criteria, len(data)), "data": data, "aggregations": []}
        return JSONResponse(answer)

    def _find(self, entity: Entity, criteria: Criteria) -> list[dict[str, Any]]:
        query = (
            f"SELECT * FROM {entity.table} WHERE {criteria.where} ORDER BY {criteria.order_by} "
            f"LIMIT {criteria.limit} OFFSET {criteria.offset}"
        )
        rows = self._store.rows(query, criteria.parameters)
        data = entity.build(self._store, rows, criteria)
        return [_prune(found, criteria.includes) for found in data] if criteria.includes else data

    def _total(self, entity: Entity, criteria: Criteria, found: int) -> int:
        if criteria.total_count_mode == 0:
            return found
        query = f"SELECT count(*) FROM {entity.table} WHERE {criteria.where}"
        total = self._store.count(query, criteria.parameters)
        if criteria.total_count_mode == 1:
            return total
        return min(max(total - criteria.offset, 0), criteria.limit * _NEXT_PAGES + 1)


def _prune(value: Any, includes: dict[str, list[str]]) -> Any:
    """Leaves of each entity only the fields that `includes` names for it."""
    if isinstance(value, list):
        return [_prune(v, includes) for v in value]
    if not isinstance(value, dict):
        return value
    names = includes.get(value.get("apiAlias", ""))
    kept = value if names is None else {k: value[k] for k in (*names, "apiAlias") if k in value}
    return {k: _prune(v, includes) if _holds_entities(v) else v for k, v in kept.items()}


def _holds_entities(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and first.get("apiAlias", "calculated_price") != "calculated_price"


def _missing_privilege(privilege: str) -> ApiError:
    detail = json.dumps({"message": "Missing privilege", "missingPrivileges": [privilege]})
    return ApiError(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", detail)


async def _json_object(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise ApiError(400, "0", "The JSON payload is malformed.") from error
    if not isinstance(body, dict):
        raise ApiError(400, "0", "The JSON payload has to be an object.")
    return body


async def _token_body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        from urllib.parse import parse_qsl

        return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    return await _json_object(request)


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


async def _api_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, ApiError)
    return error.response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        detail = f"No route found for {request.method} {request.url.path}: Method Not Allowed"
    else:
        detail = f"No route found for {request.method} {request.url.path}"
    return ApiError(error.status_code, "0", detail).response()


def build_app(
    data_directory: Path, client_id: str, client_secret: str, token_seconds: int = 600
) -> Starlette:
    """The application on the Parquet files of the folder. Raises FileNotFoundError for a missing file."""
    shop = Shop(Store(data_directory), client_id, client_secret, token_seconds)
    return Starlette(
        routes=shop.routes(), exception_handlers={ApiError: _api_error, HTTPException: _http_error}
    )
