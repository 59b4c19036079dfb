"""Salesforce: contacts by an external id field of ours, through Bulk API 2.0 and sObject collections.

In a bulk file an empty cell leaves the field as it is and `#N/A` empties it, so rows that fill different
fields share a job. The opt-out flags are only ever set. `ARCHIVE` ticks a box of ours; what Salesforce calls
merging is not offered over REST, so the losing contact is archived.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common, salesforce_access
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent
from exports.engine.errors import JobLost
from exports.engine.http import Client
from stammkunde.settings import Section

DENIED = frozenset({"hasoptedoutofemail", "hasoptedoutoffax", "donotcall", "emailbouncedreason",
                    "emailbounceddate", "individualid"})  # fmt: skip
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "Text", "length": 255},
    "list": {"type": "LongTextArea", "length": 32768, "visibleLines": 3},
    "number": {"type": "Number", "precision": 18, "scale": 4}, "date": {"type": "Date"},
    "integer": {"type": "Number", "precision": 18, "scale": 0}, "instant": {"type": "DateTime"},
    "boolean": {"type": "Checkbox", "defaultValue": "false"},
}  # fmt: skip
_ACCEPTS = common.accepting(
    text="string textarea picklist phone email url combobox", list="string textarea multipicklist",
    number="double currency percent", integer="double int", boolean="boolean", date="date",
    instant="datetime",
)  # fmt: skip
_FLAGS = {"email": "HasOptedOutOfEmail", "phone": "DoNotCall"}


class Settings(Section):
    """`base_url`: the org's own domain, `https://….my.salesforce.com`. The connected app allows the client
    credentials flow.
    """

    kind: Literal["salesforce"]
    base_url: str
    client_id: SecretStr
    client_secret: SecretStr
    object: Literal["Contact", "Lead"] = "Contact"
    id_field: str = "CDP_ID__c"
    archived_field: str = "CDP_Archived__c"
    api_version: str = "62.0"
    poll_seconds: float = 5.0


def connect(settings: Settings, client: Client | None = None) -> Salesforce:
    """Opens the org."""
    url = settings.base_url.rstrip("/")
    auth = salesforce_access.ClientCredentials(url, settings.client_id, settings.client_secret)
    return Salesforce(settings, client or Client(
        url, name="salesforce", connections=5, auth=auth, throttled=salesforce_access.throttled,
        timeout_seconds=120,
    ))  # fmt: skip


class Salesforce(Vendor):
    """Contacts (or leads) of one org."""

    vendor, denied, accepts = "salesforce", DENIED, _ACCEPTS

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings = settings
        self._api = f"/services/data/v{settings.api_version}"
        self.own = common.own_fields(settings.id_field, settings.archived_field)
        small = {Operation.WITHDRAW, Operation.ARCHIVE, Operation.MERGE, Operation.DELETE, Operation.ERASE}
        self.capabilities = engine.Capabilities(
            batch_size=10_000, batch_bytes=20_000_000, connections=5, request_timeout_seconds=120,
            poll_seconds=settings.poll_seconds, operations=frozenset(Operation),
            operation_batch_size=dict.fromkeys(small, 200),
        )  # fmt: skip

    def account(self) -> list[engine.Finding]:
        found = self._client.request("GET", f"{self._api}/limits").body["DailyApiRequests"]
        text = f"salesforce: {found['Remaining']} of {found['Max']} calls left today"
        return [engine.Finding(found["Remaining"] > 0, text)]

    def existing_fields(self) -> dict[str, str]:
        path = f"{self._api}/sobjects/{self._settings.object}/describe"
        found = self._client.request("GET", path).body["fields"]
        return {f["name"]: f["type"] for f in found if f["updateable"] or f["createable"]}

    def create_field(self, field: engine.Field) -> None:
        metadata = {"label": field.name.removesuffix("__c").replace("_", " "), **_TYPES[field.type]}
        if field.name == self._settings.id_field:
            metadata |= {"externalId": True, "unique": True, "caseSensitive": True}
        body = {"FullName": f"{self._settings.object}.{field.name}", "Metadata": metadata}
        self._client.request("POST", f"{self._api}/tooling/sobjects/CustomField", body)

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._ingest(rows, restore=operation is Operation.RESTORE)
        if operation is Operation.WITHDRAW:
            return common.by_channel("salesforce", rows, list(_FLAGS), self._withdraw)
        if operation in (Operation.ARCHIVE, Operation.MERGE):
            return self._set(rows, {row.key: {self._settings.archived_field: True} for row in rows})
        return self._delete(rows, keep_opt_outs=operation is Operation.DELETE)

    def _ingest(self, rows: Sequence[Row], restore: bool) -> Sent:
        id_field, mark = self._settings.id_field, self._settings.archived_field
        records = []
        for row in rows:
            values = {n: common.as_text(v) or "#N/A" for n, v in common.without(row.fields, DENIED).items()}
            records.append({**values, id_field: row.key, **({mark: "false"} if restore else {})})
        text = io.StringIO(newline="")
        columns = [id_field, *sorted({name for record in records for name in record} - {id_field})]
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        job = {"object": self._settings.object, "operation": "upsert", "externalIdFieldName": id_field,
               "contentType": "CSV", "lineEnding": "LF"}  # fmt: skip
        created = self._client.request("POST", f"{self._api}/jobs/ingest", job).body["id"]
        path, content = f"{self._api}/jobs/ingest/{created}", text.getvalue().encode()
        self._client.request("PUT", f"{path}/batches", content=content, headers={"content-type": "text/csv"})
        done = self._client.request("PATCH", path, {"state": "UploadComplete"})
        return Sent(job=created, http_status=done.status)

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        path = f"{self._api}/jobs/ingest/{job}"
        state = self._client.request("GET", path, expect=frozenset({404}))
        if state.status == 404 or state.body["state"] == "Open":  # an open job holds nothing that runs
            raise JobLost(f"salesforce does not run the job {job}")
        if state.body["state"] not in ("JobComplete", "Failed", "Aborted"):
            return None
        results = {}
        for found in self._results(f"{path}/successfulResults"):
            created = found["sf__Created"] == "true"
            key = found[self._settings.id_field]
            results[key] = RowResult(key, remote_id=found["sf__Id"], created=created)
        for found in self._results(f"{path}/failedResults"):
            key, reason = found[self._settings.id_field], found["sf__Error"]
            again = reason.startswith(("UNABLE_TO_LOCK_ROW", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"))
            results[key] = RowResult(key, "retry" if again else "rejected", reason)
        return Sent([results.get(row.key) or RowResult(row.key, "retry") for row in rows])

    def _results(self, path: str) -> Sequence[Mapping[str, str]]:
        content = self._client.request("GET", path, headers={"accept": "text/csv"}, raw=True).content
        return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))

    def open_jobs(self) -> Sequence[str]:
        found = self._client.request("GET", f"{self._api}/jobs/ingest", params={"jobType": "V2Ingest"}).body
        return [job["id"] for job in found["records"] if job["object"] == self._settings.object
                and job["state"] in ("UploadComplete", "InProgress")]  # fmt: skip

    def _withdraw(self, rows: Sequence[Row]) -> Sent:
        return self._set(rows, {row.key: {_FLAGS[row.channel]: True} for row in rows})

    def _set(self, rows: Sequence[Row], values: Mapping[str, Mapping[str, Any]]) -> Sent:
        """Sets fields of the contacts that exist; those that do not are not created."""
        found = self.find(rows, [])
        known = [row for row in rows if row.key in found]
        records = [{"attributes": {"type": self._settings.object}, "id": found[row.key].remote_id,
                    **values[row.key]} for row in known]  # fmt: skip
        return self._collection("PATCH", rows, known, body={"allOrNone": False, "records": records})

    def _delete(self, rows: Sequence[Row], keep_opt_outs: bool) -> Sent:
        """Who opted out is archived only: the opt-out would be gone with the contact."""
        flags = list(_FLAGS.values())
        found = self.find(rows, flags)
        opted_out = {key for key, contact in found.items() if any(contact.fields.get(f) for f in flags)}
        kept = [row for row in rows if keep_opt_outs and row.key in opted_out]
        gone = [row for row in rows if row.key in found and row not in kept]
        if kept:
            self._set(kept, {row.key: {self._settings.archived_field: True} for row in kept})
        ids = ",".join(str(found[row.key].remote_id) for row in gone)
        return self._collection("DELETE", rows, gone, params={"ids": ids, "allOrNone": "false"})

    def _collection(self, method: str, rows: Sequence[Row], known: Sequence[Row], **what: Any) -> Sent:
        """One request for up to 200 contacts; the answers come in their order."""
        results = {row.key: RowResult(row.key) for row in rows}
        path = f"{self._api}/composite/sobjects"
        answers = self._client.request(method, path, **what).body if known else []
        for row, answer in zip(known, answers, strict=True):
            errors = [e for e in answer["errors"] if e.get("statusCode") != "ENTITY_IS_DELETED"]
            if errors:
                results[row.key] = RowResult(row.key, "rejected", "; ".join(e["message"] for e in errors))
        return Sent(list(results.values()))

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        id_field, mark = self._settings.id_field, self._settings.archived_field
        found = {}
        for some in common.chunks(rows, 200):
            keys = ",".join(salesforce_access.quoted(row.key) for row in some)
            columns = ",".join(dict.fromkeys(["Id", id_field, mark, *fields]))
            query = f"SELECT {columns} FROM {self._settings.object} WHERE {id_field} IN ({keys})"
            for record in salesforce_access.query(self._client, self._api, query):
                values = {name: record[name] for name in fields if record.get(name) is not None}
                key = record[id_field]
                found[key] = engine.Found(key, record["Id"], values, bool(record[mark]))
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        settings = self._settings
        return salesforce_access.pull(self._client, self._api, settings.object, settings.id_field, cursor)
