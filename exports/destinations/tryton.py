"""Tryton: parties through JSON-RPC, with our id as their code.

Parties are created in one transaction per batch; after a lost answer the engine looks before it repeats. The
fields `email`, `phone`, `mobile` and `website` are contact mechanisms of the party. Opt-outs end
subscriptions of the module `marketing_email`; none is ever begun.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Literal

import httpx
from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common, tryton_values
from exports.destinations.token_auth import TokenAuth
from exports.destinations.tryton_values import DENIED, MECHANISMS
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent
from exports.engine.errors import Refused, Rejected, Throttled
from exports.engine.http import Client
from stammkunde.settings import Section

_ACCEPTS = common.accepting(
    text="char text selection", list="char text", number="float numeric", boolean="boolean", date="date",
    integer="integer many2one float", instant="timestamp datetime",
)  # fmt: skip
_PARTY, _EITHER = "model.party.party", ["active", "in", [True, False]]


class Settings(Section):
    """`marketing: false` where the module `marketing_email` is not installed."""

    kind: Literal["tryton"]
    base_url: str
    database: str
    login: str
    password: SecretStr
    marketing: bool = True
    timeout_seconds: float = 60.0


class _Session(TokenAuth):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def login(self) -> httpx.Request:
        password = {"password": self._settings.password.get_secret_value()}
        body = {"id": 0, "method": "common.db.login", "params": [self._settings.login, password, "en"]}
        url = f"{self._settings.base_url.rstrip('/')}/{self._settings.database}/rpc/"
        return httpx.Request("POST", url, json=body)

    def token_of(self, answer: httpx.Response) -> str | None:
        result = answer.json().get("result")
        if not result:
            return None
        return base64.b64encode(f"{self._settings.login}:{result[0]}:{result[1]}".encode()).decode()

    def header(self, token: str) -> str:
        return f"Session {token}"


def connect(settings: Settings, client: Client | None = None) -> Tryton:
    """Opens a database."""
    return Tryton(settings, client or Client(
        settings.base_url, name="tryton", connections=2, auth=_Session(settings),
        timeout_seconds=settings.timeout_seconds,
    ))  # fmt: skip


class Tryton(Vendor):
    """Parties of one database."""

    vendor, denied, accepts, creates_fields = "tryton", DENIED, _ACCEPTS, False

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings, self._numbers = settings, count(1)
        self._types: Mapping[str, str] = {}
        self.capabilities = engine.Capabilities(
            batch_size=100, write="create_only", connections=2, operations=frozenset(Operation),
            request_timeout_seconds=settings.timeout_seconds, settle_seconds=10.0,
        )  # fmt: skip

    def _call(self, method: str, *parameters: Any) -> Any:
        body = {"id": next(self._numbers), "method": method, "params": [*parameters, {}]}
        answer = self._client.request("POST", f"/{self._settings.database}/rpc/", body).body
        if "error" not in answer:
            return answer.get("result")
        name, details = str(answer["error"][0]), answer["error"][1]
        if name in ("LoginException", "ForbiddenException"):
            raise Refused(f"tryton: {name}")
        if name in ("ConcurrencyException", "TimeoutException") or "locked" in name or "serialize" in name:
            raise Throttled(f"tryton: {name}")
        raise Rejected(str(details[0]) if isinstance(details, list) and details else name, 200)

    def account(self) -> list[engine.Finding]:
        self._call(f"{_PARTY}.search", [["code", "=", ""]], 0, 1, None)
        if self._settings.marketing:
            self._call("model.marketing.email.search", [["id", "=", 0]], 0, 1, None)
        return [engine.Finding(True, "tryton: the login is valid and may read what is needed")]

    def existing_fields(self) -> dict[str, str]:
        found = self._call(f"{_PARTY}.fields_get", [])
        types = {name: about["type"] for name, about in found.items() if about.get("readonly") is not True}
        self._types = {**types, **dict.fromkeys(MECHANISMS, "char")}
        return dict(self._types)

    def create_field(self, field: engine.Field) -> None:
        raise Rejected(f"Tryton has no field {field.name}; fields come with its modules")

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation is Operation.WITHDRAW:
            return common.by_channel("tryton", rows, ["email"], self._withdraw)
        found = self.find(rows, [])
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._write(rows, found, operation is Operation.RESTORE)
        ids = [int(str(found[row.key].remote_id)) for row in rows if row.key in found]
        if ids and operation in (Operation.ARCHIVE, Operation.MERGE):
            self._call(f"{_PARTY}.write", ids, {"active": False})
        elif ids:
            self._call(f"{_PARTY}.delete", ids)
        return common.all_ok(rows)

    def _write(self, rows: Sequence[Row], found: Mapping[str, engine.Found], restore: bool) -> Sent:
        if not self._types:
            self.existing_fields()
        new = [row for row in rows if row.key not in found]
        results = []
        if new:
            ids = self._call(
                f"{_PARTY}.create",
                [{**tryton_values.party(row, self._types, {}), "code": row.key} for row in new],
            )
            created = zip(new, ids, strict=True)
            results += [RowResult(row.key, remote_id=str(id_), created=True) for row, id_ in created]
        known = [row for row in rows if row.key in found]
        archived = [int(str(found[row.key].remote_id)) for row in known if found[row.key].archived]
        if restore and archived:  # fields of an inactive party cannot be written
            self._call(f"{_PARTY}.write", archived, {"active": True})
        pairs: list[Any] = []
        mechanisms = self._mechanisms([int(str(found[row.key].remote_id)) for row in known])
        for row in known:
            id_ = int(str(found[row.key].remote_id))
            pairs += [[id_], tryton_values.party(row, self._types, mechanisms.get(id_, {}))]
            results.append(RowResult(row.key, remote_id=str(id_), created=False))
        if pairs:
            self._call(f"{_PARTY}.write", *pairs)
        return Sent(results)

    def _mechanisms(self, parties: Sequence[int]) -> dict[int, dict[str, int]]:
        """Id of the first contact mechanism of each type, by party."""
        if not parties:
            return {}
        found = self._call("model.party.contact_mechanism.search_read", [["party", "in", list(parties)]],
                           0, None, [["id", "DESC"]], ["party", "type"])  # fmt: skip
        mechanisms: dict[int, dict[str, int]] = {}
        for one in found:
            mechanisms.setdefault(one["party"], {})[one["type"]] = one["id"]
        return mechanisms

    def _withdraw(self, rows: Sequence[Row]) -> Sent:
        return tryton_values.withdraw(self._call, rows) if self._settings.marketing else common.all_ok(rows)

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        found, plain = {}, [name for name in fields if name not in MECHANISMS]
        for some in common.chunks(rows, 200):
            condition = [["code", "in", [row.key for row in some]], _EITHER]
            parties = self._call(
                f"{_PARTY}.search_read", condition, 0, None, None, ["code", "active", *plain]
            )
            for party in parties:
                values = {name: party[name] for name in plain if party.get(name) not in (None, "")}
                found[party["code"]] = engine.Found(
                    party["code"], str(party["id"]), values, not party["active"]
                )
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        if not self._settings.marketing:
            return engine.SuppressionPage([], cursor or "")
        return tryton_values.pull(self._call, cursor)
