"""HubSpot's CRM API v3 as its documentation tells it: batches of 100, 207 with errors of single rows, unique
properties, conflicts on addresses, merge, GDPR deletion, subscriptions by address, search with a limit of
pages.
"""

import re

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route

CONTACTS, PROPERTIES = "/crm/v3/objects/contacts", "/crm/v3/properties/contacts"
SCOPES = [
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "communication_preferences.write",
]


def problem(status, message, category="VALIDATION_ERROR"):
    return Answer(status, {"status": "error", "message": message, "category": category, "correlationId": "c"})


class FakeHubSpot(FakeVendor):
    token = "pat-test"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.scopes = Clock(), list(SCOPES)
        self.properties = {
            n: {"name": n, "type": "string"} for n in ("email", "firstname", "lastname", "hs_x")
        }
        self.properties["lastmodifieddate"] = {"name": "lastmodifieddate", "type": "datetime"}
        self.contacts, self.archived, self.erased, self.unsubscribed = {}, {}, set(), {}
        self.next_id = 101

    def before(self, request: Request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return problem(401, "Authentication credentials not found", "INVALID_AUTHENTICATION")
        return None

    def throttled_answer(self):
        body = {
            "status": "error",
            "errorType": "RATE_LIMIT",
            "policyName": "TEN_SECONDLY_ROLLING",
            "message": "You have reached your ten_secondly_rolling limit.",
        }
        return Answer(429, body, {"Retry-After": self.retry_after or "1"})

    def add(self, **properties):
        """A contact that somebody else made."""
        id_, self.next_id = str(self.next_id), self.next_id + 1
        self.contacts[id_] = {"id": id_, "properties": dict(properties), "history": {}}
        self._touch(self.contacts[id_])
        return id_

    def _touch(self, contact):
        contact["properties"]["lastmodifieddate"] = self.clock.tick()

    def opt_out(self, email, name="hs_email_optout", value="true"):
        contact = next(c for c in self.contacts.values() if c["properties"].get("email") == email)
        contact["properties"][name] = value
        self._touch(contact)
        contact["history"].setdefault(name, []).insert(0, {"value": value, "timestamp": self.clock.now})

    def _find(self, key, value, among):
        if key in ("id", None):
            return among.get(value)
        return next((c for c in among.values() if c["properties"].get(key) == value), None)

    def _view(self, contact, properties, history=()):
        shown = {n: contact["properties"].get(n) for n in (*properties, "lastmodifieddate")}
        view = {"id": contact["id"], "properties": shown, "archived": contact["id"] in self.archived}
        if history:
            view["propertiesWithHistory"] = {n: contact["history"].get(n, []) for n in history}
        return view

    @route("POST", "/oauth/v2/private-apps/get/access-token-info")
    def token_info(self, request):
        return Answer(200, {"userId": 1, "hubId": 2, "scopes": self.scopes})

    @route("GET", "/account-info/v3/api-usage/daily/private-apps")
    def usage(self, request):
        return Answer(200, {"results": [{"currentUsage": 5, "usageLimit": 650000}]})

    @route("GET", PROPERTIES)
    def list_properties(self, request):
        return Answer(200, {"results": list(self.properties.values())})

    @route("POST", PROPERTIES)
    def create_property(self, request):
        body = request.json
        if not re.fullmatch(r"[a-z][a-z0-9_]*", body["name"]) or not {
            "label",
            "type",
            "fieldType",
            "groupName",
        } <= set(body):
            return problem(400, "invalid property")
        if body["name"] in self.properties:
            return problem(409, "already exists", "CONFLICT")
        self.properties[body["name"]] = body
        return Answer(201, body)

    def _invalid(self, contact_id, values):
        email = values.get("email")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", email):
            return "VALIDATION_ERROR", f"Property values were not valid: email {email}"
        other = self._find("email", email, self.contacts) if email else None
        if other and other["id"] != contact_id:
            return "CONFLICT", f"Contact already exists. Existing ID: {other['id']}"
        return None

    def _batch_problem(self, inputs, most=100):
        if len(inputs) > most:
            return problem(400, f"The maximum batch size is {most}")
        if len({i["id"] for i in inputs}) < len(inputs):
            return problem(400, "Duplicate IDs found in batch input")
        unknown = {n for i in inputs for n in i.get("properties", {})} - set(self.properties)
        if unknown:
            return problem(400, f"Property {sorted(unknown)[0]} does not exist")
        if any(not isinstance(v, str) for i in inputs for v in i.get("properties", {}).values()):
            return problem(400, "property values must be strings")
        return None

    def _store(self, contact, values):
        contact["properties"].update({n: v for n, v in values.items() if v != ""})
        for name in [n for n, v in values.items() if v == ""]:
            contact["properties"].pop(name, None)
        self._touch(contact)

    @route("POST", CONTACTS + "/batch/upsert")
    def upsert(self, request):
        inputs = request.json["inputs"]
        wrong = self._batch_problem(inputs)
        if wrong:
            return wrong
        results, errors = [], []
        for one in inputs:
            id_property = one["idProperty"]
            if not (id_property == "email" or self.properties.get(id_property, {}).get("hasUniqueValue")):
                return problem(400, f"Unable to upsert by non-unique property {id_property}")
            contact = self._find(id_property, one["id"], self.contacts)
            invalid = self._invalid(contact and contact["id"], one["properties"])
            if invalid:
                errors.append(
                    {
                        "status": "error",
                        "category": invalid[0],
                        "message": invalid[1],
                        "context": {"objectWriteTraceId": [one["objectWriteTraceId"]]},
                    }
                )
                continue
            new = contact is None
            contact = contact or self.contacts[self.add(**{id_property: one["id"]})]
            self._store(contact, one["properties"])
            results.append(
                {
                    **self._view(contact, [id_property]),
                    "new": new,
                    "objectWriteTraceId": one["objectWriteTraceId"],
                }
            )
        body = {"status": "COMPLETE", "results": results}
        return (
            Answer(207, {**body, "numErrors": len(errors), "errors": errors}) if errors else Answer(200, body)
        )

    @route("POST", CONTACTS + "/batch/update")
    def update(self, request):
        inputs = request.json["inputs"]
        wrong = self._batch_problem(inputs)
        if wrong:
            return wrong
        for one in inputs:
            invalid = self._invalid(one["id"], one["properties"])
            if invalid:
                return problem(409, invalid[1], invalid[0])
            self._store(self.contacts[one["id"]], one["properties"])
        return Answer(200, {"status": "COMPLETE", "results": [{"id": one["id"]} for one in inputs]})

    @route("POST", CONTACTS + "/batch/read")
    def read(self, request):
        body = request.json
        history = body.get("propertiesWithHistory") or []
        wrong = self._batch_problem(body["inputs"], 50 if history else 100)
        among = self.archived if request.query.get("archived") == "true" else self.contacts
        found = [self._find(body.get("idProperty"), i["id"], among) for i in body["inputs"]]
        return wrong or Answer(
            200, {"results": [self._view(c, body.get("properties", []), history) for c in found if c]}
        )

    @route("POST", CONTACTS + "/batch/archive")
    def archive(self, request):
        for one in request.json["inputs"]:
            if one["id"] in self.contacts:
                self.archived[one["id"]] = self.contacts.pop(one["id"])
        return Answer(204)

    @route("POST", CONTACTS + "/merge")
    def merge(self, request):
        body = request.json
        if body["primaryObjectId"] not in self.contacts or body["objectIdToMerge"] not in self.contacts:
            return problem(404, "not found")
        loser = self.contacts.pop(body["objectIdToMerge"])
        winner = self.contacts[body["primaryObjectId"]]
        winner.setdefault("merged", []).append(loser["id"])
        return Answer(200, {"id": winner["id"]})

    @route("POST", CONTACTS + "/gdpr-delete")
    def gdpr_delete(self, request):
        id_ = request.json["objectId"]
        self.contacts.pop(id_, None)
        self.archived.pop(id_, None)
        self.erased.add(id_)
        return Answer(204)

    @route("POST", "/communication-preferences/v4/statuses/batch/unsubscribe-all")
    def unsubscribe_all(self, request):
        if request.query.get("channel") != "EMAIL" or len(request.json["inputs"]) > 100:
            return problem(400, "bad request")
        for email in request.json["inputs"]:
            self.unsubscribed[email] = self.clock.tick()
            if any(c["properties"].get("email") == email for c in self.contacts.values()):
                self.opt_out(email)
        return Answer(200, {"status": "COMPLETE", "results": []})

    @route("POST", CONTACTS + "/search")
    def search(self, request):
        body = request.json
        if body["limit"] > 200 or len(body["filterGroups"]) > 5:
            return problem(400, "bad search")

        def fits(contact, filter_):
            value = contact["properties"].get(filter_["propertyName"])
            if filter_["operator"] == "HAS_PROPERTY":
                return value not in (None, "")
            if filter_["operator"] == "EQ":
                return value == filter_["value"]
            from datetime import datetime

            return datetime.fromisoformat(value).timestamp() * 1000 >= int(filter_["value"])

        found = [
            c
            for c in self.contacts.values()
            if any(all(fits(c, f) for f in g["filters"]) for g in body["filterGroups"])
        ]
        found.sort(key=lambda c: c["properties"]["lastmodifieddate"])
        start = int(body.get("after") or 0)
        if start + body["limit"] > 10_000:
            return problem(400, "paging past 10,000")
        answer = {
            "total": len(found),
            "results": [self._view(c, body["properties"]) for c in found[start : start + body["limit"]]],
        }
        if len(found) > start + body["limit"]:
            answer["paging"] = {"next": {"after": str(start + body["limit"])}}
        return Answer(200, answer)

    # What the tests ask of every fake.
    def stored(self):
        return {
            c["properties"]["cdp_id"]: c["properties"]
            for c in self.contacts.values()
            if "cdp_id" in c["properties"]
        }

    def opted_out(self, email):
        return email in self.unsubscribed or any(
            c["properties"].get("email") == email and c["properties"].get("hs_email_optout") == "true"
            for c in self.contacts.values()
        )

    def count(self):
        return len(self.contacts)

    def in_use(self, email):
        return any(c["properties"].get("email") == email for c in self.contacts.values())

    def gone(self, key, operation):
        contact = self.stored().get(key)
        return contact is None or contact.get("cdp_archived") == "true"
