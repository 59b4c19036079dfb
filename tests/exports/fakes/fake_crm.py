"""A CRM of nobody in particular, in three styles: upsert by key, create-only, asynchronous imports.

`contacts` is what it holds, by its own id. Imports are applied when they are done, in any order.
"""

import random
from typing import Any

from fakes.fake_vendor import Answer, Chaos, FakeVendor, Request, route


class FakeCrm(FakeVendor):
    def __init__(self, chaos: Chaos | None = None, **options: Any) -> None:
        super().__init__(chaos, **options)
        self.contacts: dict[str, dict[str, Any]] = {}
        self.imports: dict[str, dict[str, Any]] = {}
        self.suppressions: list[dict[str, Any]] = []
        self.refused_values: set[str] = set()
        self.erased: set[str] = set()
        self.batches = 0
        self.polls_needed = 2
        self._last_id = self._last_job = 0
        self._jobs_random = random.Random(7)

    def by_key(self, key: str) -> list[dict[str, Any]]:
        return [contact for contact in self.contacts.values() if contact["key"] == key]

    def add(self, key: str, **fields: Any) -> dict[str, Any]:
        self._last_id += 1
        contact = {"id": f"r{self._last_id}", "key": key, "fields": fields, "archived": False,
                   "subscribed": True, "email": fields.get("email")}  # fmt: skip
        self.contacts[contact["id"]] = contact
        return contact

    def unsubscribe(self, key: str, at: str = "2026-11-19T12:00:00+00:00", kind: str = "unsubscribe") -> None:
        for contact in self.by_key(key):
            contact["subscribed"] = False
            self.suppressions.append(
                {"email": contact["email"], "kind": kind, "at": at, "id": str(len(self.suppressions) + 1)}
            )

    def _write(self, row: dict[str, Any], create_only: bool = False) -> dict[str, Any]:
        if self.refused_values & {str(value) for value in row["fields"].values()}:
            return {"key": row["key"], "error": f"value {row['fields'].get('email')} is not allowed"}
        found = self.by_key(row["key"])
        if create_only:
            found = [self.contacts[row["id"]]] if row.get("id") else []
        contact = found[0] if found else self.add(row["key"])
        contact["fields"].update(row["fields"])
        contact["email"] = row.get("email")
        if row.get("restore"):
            contact["archived"] = False
        return {"key": row["key"], "id": contact["id"], "created": not found}

    @route("POST", "/upsert")
    def upsert(self, request: Request) -> Answer:
        self.batches += 1
        return Answer(200, {"results": [self._write(row) for row in request.json]})

    @route("POST", "/create")
    def create(self, request: Request) -> Answer:
        return Answer(200, {"results": [self._write(row, create_only=True) for row in request.json]})

    @route("POST", "/imports")
    def submit(self, request: Request) -> Answer:
        self._last_job += 1
        job = f"j{self._last_job}"
        polls = self._jobs_random.randint(0, 2 * self.polls_needed)
        self.imports[job] = {"rows": request.json, "left": polls, "results": None}
        return Answer(202, {"id": job})

    @route("GET", "/imports")
    def open_imports(self, request: Request) -> Answer:
        for job in self.imports.values():
            self._work(job)
        return Answer(200, [name for name, job in self.imports.items() if job["results"] is None])

    @route("GET", "/imports/(?P<id>.+)")
    def poll(self, request: Request) -> Answer:
        if request.arguments["id"] not in self.imports:
            return Answer(404, {})
        job = self.imports[request.arguments["id"]]
        self._work(job)
        return Answer(200, {"results": job["results"]})

    def _work(self, job: dict[str, Any]) -> None:
        if job["results"] is None:
            job["left"] -= 1
            if job["left"] < 0:
                job["results"] = [self._write(row) for row in job["rows"]]

    @route("POST", "/find")
    def find(self, request: Request) -> Answer:
        return Answer(200, [contact for key in request.json for contact in self.by_key(key)])

    @route("POST", "/do/(?P<operation>withdraw|archive|delete|erase|merge)")
    def do(self, request: Request) -> Answer:
        operation = request.arguments["operation"]
        for row in request.json:
            for contact in self.by_key(row["key"]):
                if operation == "withdraw":
                    contact["subscribed"] = False
                elif operation in ("archive", "merge"):
                    contact["archived"] = True
                    contact["merged_into"] = row.get("into")
                else:
                    del self.contacts[contact["id"]]
            if operation == "erase":
                self.erased.add(row["key"])
        return Answer(200, {"results": [{"key": row["key"]} for row in request.json]})

    @route("GET", "/suppressions")
    def list_suppressions(self, request: Request) -> Answer:
        start = int(request.query.get("cursor") or 0)
        page = self.suppressions[start : start + 2]
        return Answer(
            200, {"items": page, "next": start + len(page), "more": start + 2 < len(self.suppressions)}
        )
