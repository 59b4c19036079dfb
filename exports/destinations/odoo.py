"""Odoo: partners through JSON-RPC. Their reference `ref`, which holds our id, is not unique there.

So a partner is created only if none has the reference, and after a lost answer the engine looks before it
repeats. Opt-outs live in Odoo's mail blacklist, by address; entries are only ever added to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import Any, Literal

from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent, Suppression
from exports.engine.errors import Refused, Rejected, Throttled
from exports.engine.http import Client
from stammkunde.settings import Section

DENIED = frozenset({"opt_out", "is_blacklisted", "phone_blacklisted", "message_bounce", "list_ids",
                    "subscription_list_ids", "subscription_ids", "active", "ref"})  # fmt: skip
_TYPES = {"text": "char", "list": "text", "number": "float", "integer": "integer", "boolean": "boolean",
          "date": "date", "instant": "datetime"}  # fmt: skip
_ACCEPTS = common.accepting(
    text="char text html selection", list="char text html", number="float monetary", boolean="boolean",
    integer="integer float monetary many2one", date="date", instant="datetime",
)  # fmt: skip


class Settings(Section):
    """`api_key` of the user `login`, who may write partners and the mail blacklist."""

    kind: Literal["odoo"]
    base_url: str
    database: str
    login: str
    api_key: SecretStr
    timeout_seconds: float = 60.0


def connect(settings: Settings, client: Client | None = None) -> Odoo:
    """Opens a database."""
    return Odoo(settings, client or Client(
        settings.base_url, name="odoo", connections=2, timeout_seconds=settings.timeout_seconds
    ))  # fmt: skip


class Odoo(Vendor):
    """Partners of one database."""

    vendor, denied, accepts = "odoo", DENIED, _ACCEPTS

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings, self._numbers = settings, count(1)
        self._user: int | None = None
        self.capabilities = engine.Capabilities(
            batch_size=100, write="create_only", connections=2, operations=frozenset(Operation),
            request_timeout_seconds=settings.timeout_seconds, settle_seconds=10.0,
        )  # fmt: skip

    def _call(self, service: str, method: str, arguments: list[Any]) -> Any:
        body = {"jsonrpc": "2.0", "method": "call", "id": next(self._numbers),
                "params": {"service": service, "method": method, "args": arguments}}  # fmt: skip
        answer = self._client.request("POST", "/jsonrpc", body).body
        if "error" not in answer:
            return answer.get("result")
        data = answer["error"].get("data") or {}
        name, message = str(data.get("name", "")), str(data.get("message") or answer["error"].get("message"))
        if name.endswith(("AccessDenied", "AccessError")):
            raise Refused(f"odoo: the user lacks the right: {name}")
        if "SerializationFailure" in name or "OperationalError" in name or "LockNotAvailable" in name:
            raise Throttled(f"odoo: {name}")
        raise Rejected(f"{name.rpartition('.')[2]}: {message}", 200)

    def _model(self, model: str, method: str, *arguments: Any, **named: Any) -> Any:
        settings, secret = self._settings, self._settings.api_key.get_secret_value()
        if self._user is None:
            login = [settings.database, settings.login, secret, {}]
            self._user = self._call("common", "authenticate", login) or None
            if self._user is None:
                raise Refused("odoo: login or API key is wrong")
        call = [settings.database, self._user, secret, model, method, list(arguments), named]
        return self._call("object", "execute_kw", call)

    def account(self) -> list[engine.Finding]:
        findings = []
        needed = (("res.partner", "create"), ("res.partner", "write"), ("mail.blacklist", "create"))
        for model, right in needed:
            good = bool(self._model(model, "check_access_rights", right, raise_exception=False))
            text = f"odoo: right to {right} {model}: {'yes' if good else 'no'}"
            findings.append(engine.Finding(good, text))
        return findings

    def existing_fields(self) -> dict[str, str]:
        found = self._model("res.partner", "fields_get", [], attributes=["type", "readonly"])
        return {name: about["type"] for name, about in found.items() if not about.get("readonly")}

    def create_field(self, field: engine.Field) -> None:
        if not field.name.startswith("x_"):
            raise Rejected("a field that Odoo does not know must begin with x_")
        model = self._model("ir.model", "search", [["model", "=", "res.partner"]])
        self._model("ir.model.fields", "create", {
            "name": field.name, "model_id": model[0], "field_description": field.name,
            "ttype": _TYPES[field.type], "state": "manual",
        })  # fmt: skip

    def _values(self, row: Row) -> dict[str, Any]:
        return {name: _value(value) for name, value in common.without(row.fields, DENIED).items()}

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._write(rows, operation)
        if operation is Operation.WITHDRAW:
            return common.by_channel("odoo", rows, ["email"], self._withdraw)
        ids = [int(str(found.remote_id)) for found in self.find(rows, []).values()]
        if ids and operation in (Operation.DELETE, Operation.ERASE):
            self._model("res.partner", "unlink", ids)
        elif ids:
            self._model("res.partner", "write", ids, {"active": False})
        return common.all_ok(rows)

    def _write(self, rows: Sequence[Row], operation: Operation) -> Sent:
        """New partners in one transaction; those that exist one by one."""
        new = [row for row in rows if row.remote_id is None]
        results = []
        if operation is Operation.RESTORE and new:
            found = self.find(new, [])
            restored = {key: contact.remote_id for key, contact in found.items()}
            results += [self._update(row, restored[row.key], operation) for row in new if row.key in restored]
            new = [row for row in new if row.key not in restored]
        if new:
            ids = self._model("res.partner", "create", [{**self._values(r), "ref": r.key} for r in new])
            created = zip(new, ids, strict=True)
            results += [RowResult(row.key, remote_id=str(id_), created=True) for row, id_ in created]
        changed = [row for row in rows if row.remote_id is not None]
        return Sent([*results, *(self._update(row, row.remote_id, operation) for row in changed)])

    def _update(self, row: Row, remote_id: str | None, operation: Operation) -> RowResult:
        values = self._values(row) | ({"active": True} if operation is Operation.RESTORE else {})
        try:
            self._model("res.partner", "write", [int(str(remote_id))], values)
        except Rejected as error:
            return RowResult(row.key, "rejected", error.reason)
        return RowResult(row.key, remote_id=remote_id, created=False)

    def _withdraw(self, rows: Sequence[Row]) -> Sent:
        """Odoo's own `create` of a blacklist entry keeps one per address and wakes an archived one."""
        addresses = sorted({row.identity.strip().lower() for row in rows if row.identity})
        if addresses:
            self._model("mail.blacklist", "create", [{"email": address} for address in addresses])
        return common.all_ok(rows)

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        found = {}
        for some in common.chunks(rows, 200):
            condition = [["ref", "in", [row.key for row in some]]]
            partners = self._model("res.partner", "search_read", condition, ["ref", "active", *fields],
                                   order="id", context={"active_test": False})  # fmt: skip
            for partner in reversed(partners):  # of two with one reference the older one counts
                values = {
                    name: partner[name] for name in fields if partner.get(name) not in (None, False, "")
                }
                key = partner["ref"]
                found[key] = engine.Found(key, str(partner["id"]), values, not partner["active"])
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        """Blacklisted addresses and bounces of mailings."""
        state = json.loads(cursor) if cursor else {"since": "1970-01-01 00:00:00", "trace": 0}
        items: list[Suppression] = []
        blocked = self._entries("mail.blacklist", ["write_date", ">=", state["since"]])
        bounced = self._entries("mailing.trace", ["id", ">", state["trace"]], ["trace_status", "=", "bounce"])
        for kind, entries in (("unsubscribe", blocked), ("bounce", bounced)):
            for entry in entries:
                event_id = f"odoo:{kind}:{entry['id']}:{entry['write_date']}"
                at = common.instant(entry["write_date"])
                items.append(Suppression(entry["email"], None, "email", kind, at, event_id))  # type: ignore[arg-type]
        items.sort(key=lambda item: (item.occurred_at, item.event_id))
        since = max([state["since"], *(entry["write_date"] for entry in blocked)])
        trace = max([state["trace"], *(entry["id"] for entry in bounced)])
        return engine.SuppressionPage(items, json.dumps({"since": since, "trace": trace}))

    def _entries(self, model: str, *conditions: list[Any]) -> list[dict[str, Any]]:
        return list(self._model(model, "search_read", [*conditions], ["email", "write_date"], order="id"))


def _value(value: engine.Value) -> Any:
    """Odoo writes nothing as False, instants as `YYYY-MM-DD HH:MM:SS` in UTC."""
    if value is None:
        return False
    if isinstance(value, list):
        return common.as_text(value)
    if isinstance(value, str) and len(value) >= 19 and value[10:11] == "T" and value[4] == value[7] == "-":
        return common.instant(value).strftime("%Y-%m-%d %H:%M:%S")
    return value
