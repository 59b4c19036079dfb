"""Mailchimp's marketing API 3.0 as its documentation tells it: `PUT` with `status_if_new`, batch operations
with their answers in an archive on another server, members in compliance state, archiving and permanent
deletion.
"""

import hashlib
import io
import json
import re
import tarfile
from base64 import b64encode

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route

STATES = {"subscribed", "unsubscribed", "cleaned", "pending", "transactional"}
LIST = "/lists/l1"


def problem(status, title, detail):
    return Answer(status, {"type": "about:blank", "title": title, "status": status, "detail": detail})


def hashed(email):
    return hashlib.md5(email.lower().encode()).hexdigest()


class FakeMailchimp(FakeVendor):
    token, tells_retry_after = "test-secret-us1", False

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.members, self.batches, self.deleted = Clock(), {}, {}, set()
        self.merge_fields = {"FNAME": "text", "LNAME": "text"}
        self.abuse = []

    def before(self, request: Request):
        if request.path.startswith("/results/"):
            assert "authorization" not in request.headers, "the key went to another server"
            return None
        expected = "Basic " + b64encode(f"stammkunde:{self.token}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return problem(401, "API Key Invalid", "Your API key may be invalid")
        return None

    def throttled_answer(self):
        return Answer(403)

    @route("GET", "/ping")
    def ping(self, request):
        return Answer(200, {"health_status": "Everything's Chimpy!"})

    @route("GET", LIST)
    def audience(self, request):
        return Answer(200, {"id": "l1"})

    @route("GET", LIST + "/merge-fields")
    def list_merge_fields(self, request):
        return Answer(200, {"merge_fields": [{"tag": t, "type": k} for t, k in self.merge_fields.items()]})

    @route("POST", LIST + "/merge-fields")
    def create_merge_field(self, request):
        body = request.json
        if not re.fullmatch(r"[A-Z0-9_]{1,10}", body["tag"]) or body["tag"] in self.merge_fields:
            return problem(400, "Invalid Resource", "tag is too long or taken")
        self.merge_fields[body["tag"]] = body["type"]
        return Answer(200, body)

    def _perform(self, method, path, body):
        """One call on a member: status and body."""
        found = re.fullmatch(LIST + r"/members/([0-9a-f]{32})(/actions/delete-permanent)?", path)
        if not found:
            return problem(404, "Resource Not Found", path)
        id_, member = found[1], self.members.get(found[1])
        if method == "PUT":
            return self._put(id_, member, body)
        if not member:
            return problem(404, "Resource Not Found", "The requested resource could not be found.")
        if method == "PATCH":
            return self._patch(id_, member, body)
        if method == "POST":
            self.deleted.add(id_)
            del self.members[id_]
            return Answer(204)
        if method == "DELETE":
            if member["status"] == "archived":
                return problem(405, "Method Not Allowed", "This list member cannot be removed.")
            member["status"] = "archived"
            return Answer(204)
        return Answer(200, member)

    def _put(self, id_, member, body):
        email = body.get("email_address", "")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", email):
            return problem(400, "Invalid Resource", "Please provide a valid email address.")
        if id_ in self.deleted:
            return problem(
                400, "Forgotten Email Not Subscribed", "was permanently deleted and cannot be re-imported."
            )
        if member is None and body.get("status_if_new") not in STATES:
            return problem(400, "Invalid Resource", "status_if_new is required")
        if member is None:
            member = self.members[id_] = {
                "id": id_,
                "email_address": email,
                "status": body["status_if_new"],
                "merge_fields": {},
                "timestamp_opt": self.clock.tick(),
            }
        member["status"] = body.get("status", member["status"])
        for tag, value in body.get("merge_fields", {}).items():
            if tag in self.merge_fields:
                member["merge_fields"][tag] = value
        member["last_changed"] = self.clock.tick()
        return Answer(200, member)

    def _patch(self, id_, member, body):
        new = body.get("email_address", member["email_address"])
        if hashed(new) != id_:
            if hashed(new) in self.members:
                return problem(400, "Member Exists", "is already a list member")
            self.members[hashed(new)] = {**self.members.pop(id_), "email_address": new, "id": hashed(new)}
            member = self.members[hashed(new)]
        member["status"] = body.get("status", member["status"])
        member["last_changed"] = self.clock.tick()
        return Answer(200, member)

    @route("GET", LIST + "/members/[0-9a-f]{32}")
    def get_member(self, request):
        return self._perform("GET", request.path, None)

    @route("PATCH", LIST + "/members/[0-9a-f]{32}")
    def patch_member(self, request):
        return self._perform("PATCH", request.path, request.json)

    @route("DELETE", LIST + "/members/[0-9a-f]{32}")
    def delete_member(self, request):
        return self._perform("DELETE", request.path, None)

    @route("POST", LIST + "/members/[0-9a-f]{32}/actions/delete-permanent")
    def delete_permanent(self, request):
        return self._perform("POST", request.path, None)

    @route("POST", "/batches")
    def batch(self, request):
        operations = request.json["operations"]
        if len(operations) > 1000 or any(not isinstance(o.get("body", ""), str) for o in operations):
            return problem(400, "Invalid Resource", "bad batch")
        id_ = f"b{len(self.batches) + 1}"
        answers = [
            (o["operation_id"], self._perform(o["method"], o["path"], json.loads(o["body"])))
            for o in operations
        ]
        self.batches[id_] = {"looks": 0, "answers": answers}
        return Answer(200, {"id": id_, "status": "pending"})

    @route("GET", "/batches/(?P<id>[^/]+)")
    def look(self, request):
        batch = self.batches.get(request.arguments["id"])
        if not batch:
            return problem(404, "Resource Not Found", "no such batch")
        batch["looks"] += 1
        done = batch["looks"] > 2
        url = f"{self.url}/results/{request.arguments['id']}.tar.gz" if done else ""
        status = "finished" if done else "started"
        return Answer(200, {"id": request.arguments["id"], "status": status, "response_body_url": url})

    @route("GET", "/batches")
    def all_batches(self, request):
        for batch in self.batches.values():
            batch["looks"] += 0.5
        found = [
            {"id": i, "status": "finished" if b["looks"] > 2 else "started"} for i, b in self.batches.items()
        ]
        return Answer(200, {"batches": found})

    @route("GET", "/results/(?P<id>[^/]+).tar.gz")
    def results(self, request):
        answers = [
            {"operation_id": i, "status_code": a.status, "response": json.dumps(a.body)}
            for i, a in reversed(self.batches[request.arguments["id"]]["answers"])
        ]
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as files:
            files.addfile(tarfile.TarInfo("./"))
            for number, part in enumerate((answers[::2], answers[1::2])):
                content = json.dumps(part).encode()
                entry = tarfile.TarInfo(f"./{number}.json")
                entry.size = len(content)
                files.addfile(entry, io.BytesIO(content))
        return Answer(200, headers={"Content-Type": "application/gzip"}, content=archive.getvalue())

    @route("GET", LIST + "/members")
    def list_members(self, request):
        query = request.query
        found = [
            m
            for m in self.members.values()
            if m["status"] == query["status"] and m["last_changed"] >= query.get("since_last_changed", "")
        ]
        found.sort(key=lambda m: m["last_changed"])
        start, count = int(query["offset"]), int(query["count"])
        return Answer(200, {"members": found[start : start + count], "total_items": len(found)})

    @route("GET", LIST + "/abuse-reports")
    def abuse_reports(self, request):
        return Answer(200, {"abuse_reports": self.abuse, "total_items": len(self.abuse)})

    # What the tests ask of every fake.
    def stored(self):
        return {m["merge_fields"].get("CDP_ID"): m["merge_fields"] for m in self.members.values()}

    def count(self):
        return len(self.members)

    def opt_out(self, email, status="unsubscribed"):
        member = self.members[hashed(email)]
        member.update(status=status, last_changed=self.clock.tick())

    def opted_out(self, email):
        return self.members.get(hashed(email), {}).get("status") in ("unsubscribed", "cleaned")

    def in_use(self, email):
        return self.members.get(hashed(email), {}).get("status") == "subscribed"

    def gone(self, key, operation):
        found = [m for m in self.members.values() if m["merge_fields"].get("CDP_ID") == key]
        return not any(m["status"] == "subscribed" for m in found)
