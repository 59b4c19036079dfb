"""A made-up contact API: batches with errors of single rows, opt-outs behind a cursor."""

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route


class FakeRest(FakeVendor):
    token = "test-secret"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.contacts, self.events = Clock(), {}, []

    def before(self, request: Request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, {"error": "unauthorized"})
        return None

    @route("GET", "/me")
    def me(self, request):
        return Answer(200, {"account": 1})

    @route("POST", "/contacts/batch")
    def batch(self, request):
        results = []
        for row in request.json["contacts"]:
            error = None if "@" in row["email"] and " " not in row["email"] else "invalid email"
            if not error:
                contact = self.contacts.setdefault(row["external_id"], {"attributes": {}, "opted_out": False})
                contact["email"] = row["email"]
                contact["attributes"].update(row["attributes"])
            results.append({"external_id": row["external_id"], "error": error})
        return Answer(200, {"data": {"results": results}})

    @route("POST", "/contacts/(?P<key>[^/]+)/opt-out")
    def leave(self, request):
        contact = self.contacts.get(request.arguments["key"])
        if not contact:
            return Answer(404, {"error": "unknown"})
        self.opt_out(contact["email"])
        return Answer(200, {})

    @route("DELETE", "/contacts/(?P<key>[^/]+)")
    def delete(self, request):
        return (
            Answer(204)
            if self.contacts.pop(request.arguments["key"], None)
            else Answer(404, {"error": "unknown"})
        )

    @route("GET", "/opt-outs")
    def opt_outs(self, request):
        start = int(request.query.get("cursor", 0))
        found = self.events[start : start + 2]
        return Answer(200, {"data": found, "next_cursor": str(start + len(found)) if found else None})

    # What the tests ask of every fake.
    def stored(self):
        return {key: contact["attributes"] for key, contact in self.contacts.items()}

    def count(self):
        return len(self.contacts)

    def opt_out(self, email):
        for contact in self.contacts.values():
            if contact["email"] == email:
                contact["opted_out"] = True
        self.events.append({"id": len(self.events), "email": email, "occurred_at": self.clock.tick()})

    def opted_out(self, email):
        return any(event["email"] == email for event in self.events)

    def in_use(self, email):
        return any(contact["email"] == email for contact in self.contacts.values())

    def gone(self, key, operation):
        return key not in self.contacts
