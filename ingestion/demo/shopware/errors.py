"""Errors in Shopware's JSON form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    412: "Precondition Failed",
}


@dataclass
class ApiError(Exception):
    """An answer other than 200: HTTP status, Shopware's error code and what it says."""

    status: int
    code: str
    detail: str
    title: str = ""

    def response(self) -> JSONResponse:
        """`{"errors": [{code, status, title, detail, meta}]}`."""
        error: dict[str, Any] = {
            "code": self.code,
            "status": str(self.status),
            "title": self.title or _TITLES.get(self.status, "Error"),
            "detail": self.detail,
            "meta": {"parameters": {}},
        }
        return JSONResponse({"errors": [error]}, status_code=self.status)
