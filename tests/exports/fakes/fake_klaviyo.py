"""Klaviyo's API, revision 2026-07-15 (its own description: `../shared/specs/klaviyo`): import jobs with
errors by pointer, suppressions, unsubscription jobs, merging and deletion of profiles.
"""

import json
import re

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route

JOBS, MOMENT = "/api/profile-bulk-import-jobs", "subscriptions.email.marketing.suppression.timestamp"


def problem(status, detail):
    return Answer(
        status,
        {"errors": [{"id": "e", "status": status, "code": "invalid", "title": "Invalid", "detail": detail}]},
    )


class FakeKlaviyo(FakeVendor):
    token = "test-secret"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.profiles, self.jobs, self.on_list = Clock(), {}, {}, set()
        self.suppressed = {}
        self.next_id = 1

    def before(self, request: Request):
        if request.headers.get("authorization") != f"Klaviyo-API-Key {self.token}":
            return problem(401, "Incorrect authentication credentials.")
        if request.headers.get("revision") != "2026-07-15":
            return problem(400, "A revision header is required")
        return None

    @route("GET", "/api/lists/(?P<id>[^/]+)")
    def list_(self, request):
        return (
            Answer(200, {"data": {"type": "list", "id": "L1"}})
            if request.arguments["id"] == "L1"
            else problem(404, "no")
        )

    @route("POST", JOBS)
    def import_(self, request):
        data = request.json["data"]
        profiles = data["attributes"]["profiles"]["data"]
        if len(profiles) > 10_000 or len(request.content) > 5_000_000:
            return problem(413, "too large")
        lists = data.get("relationships", {}).get("lists", {}).get("data", [])
        id_, errors = f"J{len(self.jobs) + 1}", []
        for number, profile in enumerate(profiles):
            reason = self._import_row(profile, bool(lists))
            if reason:
                errors.append(
                    {
                        "type": "import-error",
                        "id": str(number),
                        "attributes": {
                            "code": "invalid",
                            "title": "Invalid",
                            "detail": reason,
                            "source": {
                                "pointer": f"/data/attributes/profiles/data/{number}/attributes/email"
                            },
                            "original_payload": None if number % 2 else profile["attributes"],
                        },
                    }
                )
        self.jobs[id_] = {"looks": 0, "total": len(profiles), "errors": errors, "created": self.clock.tick()}
        return Answer(202, {"data": self._job(id_)})

    def _import_row(self, profile, add):
        wanted = profile["attributes"]
        email = wanted.get("email")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", email):
            return "Invalid email address"
        by_key = [p for p in self.profiles.values() if p["external_id"] == wanted.get("external_id")]
        by_email = [p for p in self.profiles.values() if email and p["email"] == email]
        found = (by_key or by_email or [None])[0]
        if by_key and by_email and by_key[0] is not by_email[0]:
            return "A profile already exists with one of these identifiers."
        if found is None:
            found = {
                "id": f"P{self.next_id}",
                "external_id": None,
                "email": None,
                "properties": {},
                "location": {},
            }
            self.next_id += 1
            self.profiles[found["id"]] = found
        for name, value in wanted.items():
            if name in ("properties", "location"):
                found[name].update(value)
            else:
                found[name] = value
        for name in profile.get("meta", {}).get("patch_properties", {}).get("unset", []):
            found["properties"].pop(name, None)
        if add:
            self.on_list.add(found["id"])
        return None

    def _job(self, id_):
        job = self.jobs[id_]
        status = ("queued", "processing", "complete")[int(min(job["looks"], 2))]
        failed = len(job["errors"]) if status == "complete" else 0
        return {
            "type": "profile-bulk-import-job",
            "id": id_,
            "links": {"self": f"{self.url}{JOBS}/{id_}"},
            "attributes": {
                "status": status,
                "created_at": job["created"],
                "total_count": job["total"],
                "completed_count": job["total"] - failed,
                "failed_count": failed,
            },
        }

    @route("GET", JOBS + "/(?P<id>[^/]+)")
    def look(self, request):
        id_ = request.arguments["id"]
        if id_ not in self.jobs:
            return problem(404, "no such job")
        self.jobs[id_]["looks"] += 1
        return Answer(200, {"data": self._job(id_)})

    @route("GET", JOBS)
    def all_jobs(self, request):
        for job in self.jobs.values():
            job["looks"] += 0.5
        jobs = [self._job(i) for i in self.jobs]
        return Answer(
            200, {"data": [j for j in jobs if j["attributes"]["status"] != "complete"], "links": {}}
        )

    @route("GET", JOBS + "/(?P<id>[^/]+)/import-errors")
    def import_errors(self, request):
        return self._page(request, self.jobs[request.arguments["id"]]["errors"])

    def _page(self, request, items):
        size, start = int(request.query.get("page[size]", 20)), int(request.query.get("page[cursor]", 0))
        if size > 100:
            return problem(400, "page size")
        links = {"self": f"{self.url}{request.path}", "next": None}
        if len(items) > start + size:
            links["next"] = f"{self.url}{request.path}?page%5Bcursor%5D={start + size}"
        return Answer(200, {"data": items[start : start + size], "links": links})

    @route("GET", "/api/profiles")
    def list_profiles(self, request):
        filter_, found = request.query.get("filter", ""), list(self.profiles.values())
        if filter_.startswith("any(external_id,"):
            keys = json.loads(filter_.removeprefix("any(external_id,").removesuffix(")"))
            if len(keys) > 100:
                return problem(400, "too many ids")
            found = [p for p in found if p["external_id"] in keys]
        elif filter_.startswith(f"greater-or-equal({MOMENT},"):
            since = filter_.split(",")[1].removesuffix(")")
            found = [
                p for p in found if self.suppressed.get(p["email"], {"timestamp": ""})["timestamp"] >= since
            ]
            found.sort(key=lambda p: self.suppressed[p["email"]]["timestamp"])
        elif filter_:
            return problem(400, "Invalid filter provided")
        return self._page(
            request, [self._view(p, "additional-fields[profile]" in request.query) for p in found]
        )

    def _view(self, profile, subscriptions):
        attributes = {name: value for name, value in profile.items() if name != "id"}
        if subscriptions:
            suppression = [self.suppressed[profile["email"]]] if profile["email"] in self.suppressed else []
            marketing = {
                "can_receive_email_marketing": not suppression,
                "suppression": suppression,
                "consent": "UNSUBSCRIBED" if suppression else "NEVER_SUBSCRIBED",
            }
            attributes["subscriptions"] = {"email": {"marketing": marketing}}
        return {"type": "profile", "id": profile["id"], "attributes": attributes}

    @route("POST", "/api/profile-subscription-bulk-delete-jobs")
    def unsubscribe(self, request):
        profiles = request.json["data"]["attributes"]["profiles"]["data"]
        if len(profiles) > 100:
            return problem(400, "too many")
        for profile in profiles:
            self.opt_out(profile["attributes"]["email"])
        return Answer(202)

    @route("DELETE", "/api/lists/L1/relationships/profiles")
    def remove(self, request):
        self.on_list -= {item["id"] for item in request.json["data"]}
        return Answer(204)

    @route("POST", "/api/profile-merge")
    def merge(self, request):
        data = request.json["data"]
        (loser,) = data["relationships"]["profiles"]["data"]
        if data["id"] not in self.profiles or loser["id"] not in self.profiles:
            return problem(404, "no such profile")
        del self.profiles[loser["id"]]
        return Answer(201, {"data": {"type": "profile", "id": data["id"]}})

    @route("POST", "/api/data-privacy-deletion-jobs")
    def erase(self, request):
        who = request.json["data"]["attributes"]["profile"]["data"]
        given = [who.get("id"), who["attributes"].get("email")]
        if sum(value is not None for value in given) != 1:
            return problem(400, "Exactly one identifier is needed")
        for profile in [p for p in self.profiles.values() if given[0] == p["id"] or given[1] == p["email"]]:
            del self.profiles[profile["id"]]
        return Answer(202)

    # What the tests ask of every fake.
    def stored(self):
        return {p["external_id"]: {**p, **p["properties"]} for p in self.profiles.values()}

    def count(self):
        return len(self.profiles)

    def opt_out(self, email, reason="UNSUBSCRIBE"):
        self.suppressed[email] = {"reason": reason, "timestamp": self.clock.tick()}

    def opted_out(self, email):
        return email in self.suppressed

    def in_use(self, email):
        return any(p["email"] == email for p in self.profiles.values())

    def gone(self, key, operation):
        found = self.stored().get(key)
        return found is None or found["id"] not in self.on_list
