"""Brevo's contacts API v3 (its own description: `../shared/specs/brevo`): imports that tell no errors of
single rows, ignore unknown attributes and values of the wrong type, drop invalid addresses and end some
looks later.
"""

import re

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")
KINDS = {"text": str, "float": (int, float), "boolean": bool, "date": str}


def problem(status, message, code="invalid_parameter"):
    return Answer(status, {"code": code, "message": message})


class FakeBrevo(FakeVendor):
    token, tells_retry_after = "test-secret", False

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.contacts, self.processes, self.pending = Clock(), {}, {}, []
        self.attributes = {"FIRSTNAME": "text", "LASTNAME": "text"}
        self.lists = {3}

    def before(self, request: Request):
        if request.headers.get("api-key") != self.token:
            return problem(401, "Key not found", "unauthorized")
        return None

    def throttled_answer(self):
        headers = {
            "x-sib-ratelimit-remaining": "0",
            "x-sib-ratelimit-limit": "10",
            "x-sib-ratelimit-reset": "0",
        }
        return Answer(429, {"code": "too_many_requests", "message": "rate limit"}, headers)

    @route("GET", "/account")
    def account(self, request):
        return Answer(200, {"email": "a@example.org", "plan": [{"type": "subscription"}]})

    @route("GET", r"/contacts/lists/(?P<list>\d+)")
    def list_(self, request):
        return (
            Answer(200, {"id": 3})
            if int(request.arguments["list"]) in self.lists
            else problem(404, "no list")
        )

    @route("GET", "/contacts/attributes")
    def list_attributes(self, request):
        found = [{"name": n, "category": "normal", "type": t} for n, t in self.attributes.items()]
        return Answer(200, {"attributes": [*found, {"name": "BLACKLIST", "category": "calculated"}]})

    @route("POST", "/contacts/attributes/normal/(?P<name>[^/]+)")
    def create_attribute(self, request):
        if request.arguments["name"] in self.attributes or request.json["type"] not in KINDS:
            return problem(400, "Attribute name must be unique")
        self.attributes[request.arguments["name"].upper()] = request.json["type"]
        return Answer(201)

    @route("POST", "/contacts/import")
    def import_(self, request):
        body = request.json
        if (
            not body.get("listIds")
            or not isinstance(body.get("jsonBody"), list)
            or len(request.content) > 10_000_000
        ):
            return problem(400, "listIds or jsonBody missing")
        id_ = len(self.processes) + 1
        self.processes[id_] = "queued"
        self.pending.append((id_, body))
        return Answer(202, {"processId": id_}, {"Date": "Fri, 20 Nov 2026 07:00:00 GMT"})

    def _run_pending(self):
        for id_, body in self.pending:
            for row in body["jsonBody"]:
                self._import_row(row, body)
            self.processes[id_] = "completed"
        self.pending = []

    def _import_row(self, row, body):
        email = row.get("email", "").lower()
        if not EMAIL.fullmatch(email):
            return
        contact = self.contacts.setdefault(
            email,
            {
                "id": len(self.contacts) + 1,
                "email": email,
                "emailBlacklisted": False,
                "smsBlacklisted": False,
                "createdAt": self.clock.tick(),
                "modifiedAt": "",
                "listIds": [],
                "attributes": {},
                "events": [],
            },
        )
        contact["emailBlacklisted"] |= bool(body.get("emailBlacklist"))
        contact["listIds"] = sorted({*contact["listIds"], *body["listIds"]})
        for name, value in row["attributes"].items():
            if value == "" and body.get("emptyContactsAttributes"):
                contact["attributes"].pop(name, None)
            elif name in self.attributes and value != "" and isinstance(value, KINDS[self.attributes[name]]):
                contact["attributes"][name] = value
        contact["modifiedAt"] = self.clock.tick()

    @route("GET", r"/processes/(?P<id>\d+)")
    def process(self, request):
        id_ = int(request.arguments["id"])
        if id_ not in self.processes:
            return problem(404, "Process ID not found", "document_not_found")
        status = self.processes[id_]
        if status == "queued":
            self.processes[id_] = "in_process"
        else:
            self._run_pending()
        return Answer(200, {"id": id_, "name": "IMPORTUSER", "status": status})

    @route("GET", "/processes")
    def all_processes(self, request):
        self.listed = getattr(self, "listed", 0) + 1
        if self.listed % 4 == 0:
            self._run_pending()
        found = [{"id": i, "name": "IMPORTUSER", "status": s} for i, s in self.processes.items()]
        return Answer(200, {"processes": found, "count": len(found)})

    @route("GET", "/contacts")
    def list_contacts(self, request):
        limit, offset = int(request.query.get("limit", 50)), int(request.query.get("offset", 0))
        if limit > 1000:
            return problem(400, "limit exceeds 1000", "out_of_range")
        since = request.query.get("modifiedSince", "")
        found = [c for c in self.contacts.values() if c["modifiedAt"] >= since]
        found.sort(key=lambda c: c["createdAt"], reverse=request.query.get("sort") != "asc")
        return Answer(
            200, {"contacts": [self._view(c) for c in found[offset : offset + limit]], "count": len(found)}
        )

    def _view(self, contact):
        return {name: value for name, value in contact.items() if name != "events"}

    def _one(self, identifier):
        by_id = [c for c in self.contacts.values() if str(c["id"]) == identifier]
        return self.contacts.get(identifier.lower()) or (by_id[0] if by_id else None)

    @route("GET", "/contacts/(?!attributes|lists|import)(?P<who>[^/]+)")
    def contact(self, request):
        contact = self._one(request.arguments["who"])
        if not contact:
            return problem(404, "Contact does not exist", "document_not_found")
        user = [{"campaignId": 1, "eventTime": at} for at in contact["events"]]
        statistics = {"unsubscriptions": {"userUnsubscription": user, "adminUnsubscription": []}}
        return Answer(200, {**self._view(contact), "statistics": statistics})

    @route("PUT", "/contacts/(?!attributes|lists|import)(?P<who>[^/]+)")
    def update(self, request):
        contact, body = self._one(request.arguments["who"]), request.json
        if not contact:
            return problem(404, "Contact does not exist", "document_not_found")
        new = body.get("attributes", {}).get("EMAIL", contact["email"]).lower()
        if new != contact["email"]:
            if new in self.contacts:
                return problem(400, "email is already associated with another Contact", "duplicate_parameter")
            self.contacts[new] = self.contacts.pop(contact["email"])
            contact["email"] = new
        for flag in ("emailBlacklisted", "smsBlacklisted"):
            contact[flag] = body.get(flag, contact[flag])
        contact["listIds"] = [i for i in contact["listIds"] if i not in body.get("unlinkListIds", [])]
        contact["modifiedAt"] = self.clock.tick()
        return Answer(204)

    @route("DELETE", "/contacts/(?!attributes|lists|import)(?P<who>[^/]+)")
    def delete(self, request):
        contact = self._one(request.arguments["who"])
        if not contact:
            return problem(404, "Contact does not exist", "document_not_found")
        del self.contacts[contact["email"]]
        return Answer(204)

    # What the tests ask of every fake.
    def stored(self):
        return {c["attributes"].get("CDP_ID"): c["attributes"] for c in self.contacts.values()}

    def count(self):
        return len(self.contacts)

    def opt_out(self, email):
        contact = self.contacts[email]
        contact["emailBlacklisted"] = True
        contact["modifiedAt"] = self.clock.tick()
        contact["events"].append(contact["modifiedAt"])

    def opted_out(self, email):
        return email in self.contacts and self.contacts[email]["emailBlacklisted"]

    def in_use(self, email):
        return email in self.contacts and 3 in self.contacts[email]["listIds"]

    def gone(self, key, operation):
        found = [c for c in self.contacts.values() if c["attributes"].get("CDP_ID") == key]
        return not any(3 in c["listIds"] for c in found)
