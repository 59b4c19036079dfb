"""listmonk's API as its source tells it: one import at a time, attributes replaced as a whole, the legacy
`overwrite` that subscribes again, blocklisted subscribers who stay so, subscribers by SQL condition.
"""

import csv
import io
import json
import re

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route


def problem(status, message):
    return Answer(status, {"message": message})


class FakeListmonk(FakeVendor):
    token, tells_retry_after = "test-secret", True

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.people, self.bounces = Clock(), {}, []
        self.state, self.waiting, self.next_id = "none", None, 1

    def before(self, request: Request):
        if request.headers.get("authorization") != f"token cdp:{self.token}":
            return problem(403, "invalid API credentials")
        return None

    @route("GET", r"/api/lists/(?P<id>\d+)")
    def list_(self, request):
        return (
            Answer(200, {"data": {"id": 5}}) if request.arguments["id"] == "5" else problem(400, "not found")
        )

    @route("POST", "/api/import/subscribers")
    def import_(self, request):
        if self.state == "importing":
            self._go_on()
            return problem(
                400, "An import is already running. Wait for it to finish or stop it before trying again."
            )
        boundary = request.headers["content-type"].split("boundary=")[1]
        parts = request.content.decode().split(f"--{boundary}")[1:-1]
        bodies = [part.split("\r\n\r\n", 1)[1].removesuffix("\r\n") for part in parts]
        options = json.loads(bodies[0])
        if (
            'filename="contacts.csv"' not in parts[1]
            or options["mode"] != "subscribe"
            or len(options["delim"]) != 1
        ):
            return problem(400, "invalid params")
        self.state, self.waiting = "importing", (options, bodies[1])
        self.looks = 0
        return Answer(200, {"data": {"status": "importing"}})

    @route("GET", "/api/import/subscribers")
    def import_status(self, request):
        self._go_on()
        return Answer(200, {"data": {"status": self.state, "total": 0, "imported": 0}})

    def _go_on(self):
        if self.state == "importing":
            self.looks += 1
            if self.looks > 1:
                self._run(*self.waiting)
                self.state = "finished"

    def _run(self, options, table):
        for row in csv.DictReader(io.StringIO(table)):
            email = row["email"].lower()
            if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", email):
                continue
            new = email not in self.people
            person = self.people.setdefault(
                email,
                {
                    "id": self.next_id,
                    "email": email,
                    "name": "",
                    "attribs": {},
                    "status": "enabled",
                    "lists": [],
                },
            )
            self.next_id += new
            overwrite = options.get("overwrite", False)
            if new or options.get("overwrite_userinfo") or overwrite:
                person.update(name=row["name"], attribs=json.loads(row["attributes"]))
            person["updated_at"] = self.clock.tick()
            for list_id in options["lists"]:
                status = (
                    "unsubscribed" if person["status"] == "blocklisted" else options["subscription_status"]
                )
                there = [entry for entry in person["lists"] if entry["id"] == list_id]
                if not there:
                    person["lists"].append(
                        {
                            "id": list_id,
                            "subscription_status": status,
                            "subscription_updated_at": person["updated_at"],
                        }
                    )
                elif overwrite or options.get("overwrite_subscription_status"):
                    there[0]["subscription_status"] = status

    @route("GET", "/api/subscribers")
    def subscribers(self, request):
        condition, found = request.query["query"], list(self.people.values())
        emails = re.fullmatch(r"subscribers\.email IN \((.*)\)", condition)
        since = re.search(r"updated_at >= '([^']*)'", condition)
        if emails:
            wanted = re.findall(r"'((?:[^']|'')*)'", emails[1])
            found = [p for p in found if p["email"] in wanted]
        elif since:
            found = [p for p in found if p["updated_at"] >= since[1] and self._left(p)]
        elif condition == "subscribers.id = 0":
            found = []
        else:
            return problem(400, "bad query")
        per, page = int(request.query["per_page"]), int(request.query["page"])
        return Answer(200, {"data": {"results": found[(page - 1) * per : page * per], "total": len(found)}})

    def _left(self, person):
        left = [e for e in person["lists"] if e["id"] == 5 and e["subscription_status"] == "unsubscribed"]
        return person["status"] == "blocklisted" or bool(left)

    def _by_id(self, ids):
        return [p for p in self.people.values() if p["id"] in {int(i) for i in ids}]

    @route("PUT", "/api/subscribers/blocklist")
    def blocklist(self, request):
        for person in self._by_id(request.json["ids"]):
            self._block(person)
        return Answer(200, {"data": True})

    def _block(self, person):
        person.update(status="blocklisted", updated_at=self.clock.tick())
        for entry in person["lists"]:
            entry.update(subscription_status="unsubscribed", subscription_updated_at=self.clock.now)

    @route("PUT", "/api/subscribers/lists")
    def lists(self, request):
        body = request.json
        if body["action"] not in ("add", "remove", "unsubscribe"):
            return problem(400, "invalid action")
        for person in self._by_id(body["ids"]):
            person["lists"] = [e for e in person["lists"] if e["id"] not in body["target_list_ids"]]
        return Answer(200, {"data": True})

    @route("DELETE", "/api/subscribers")
    def delete(self, request):
        for person in self._by_id(request.queries["id"]):
            del self.people[person["email"]]
        return Answer(200, {"data": True})

    @route("GET", "/api/bounces")
    def list_bounces(self, request):
        return Answer(
            200, {"data": {"results": list(reversed(self.bounces))[:500], "total": len(self.bounces)}}
        )

    # What the tests ask of every fake.
    def stored(self):
        return {p["attribs"].get("cdp_id"): {**p["attribs"], "name": p["name"]} for p in self.people.values()}

    def count(self):
        return len(self.people)

    def opt_out(self, email):
        person = self.people[email]
        person["updated_at"] = self.clock.tick()
        for entry in person["lists"]:
            entry.update(subscription_status="unsubscribed", subscription_updated_at=self.clock.now)

    def opted_out(self, email):
        return email in self.people and self._left(self.people[email])

    def in_use(self, email):
        return email in self.people and any(
            e["subscription_status"] == "confirmed" for e in self.people[email]["lists"]
        )

    def gone(self, key, operation):
        return not any(
            p["attribs"].get("cdp_id") == key and self.in_use(p["email"]) for p in self.people.values()
        )
