"""Salesforce's REST, Tooling and Bulk API 2.0 as their documentation tells them: jobs with results in CSV,
external ids, collections, `#N/A`, required names, queries in pages, tokens that run out.
"""

import csv
import io
import re
from urllib.parse import parse_qs

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, Request, route

API = "/services/data/v62.0"
JOBS = API + "/jobs/ingest"
FIELDS = {"Id": "id", "FirstName": "string", "LastName": "string", "Email": "email"}


def problem(status, code, message):
    return Answer(status, [{"errorCode": code, "message": message}])


class FakeSalesforce(FakeVendor):
    secret, tells_retry_after = "test-secret", False
    calls_per_token = 25

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.records, self.jobs, self.fields = Clock(), {}, {}, dict(FIELDS)
        self.next_id, self.session, self.calls = 1, 0, 0

    @property
    def token(self):
        return self.secret

    @token.setter
    def token(self, secret):
        """A new secret ends the session."""
        self.secret, self.session = secret, self.session + 1

    def before(self, request: Request):
        if request.path == "/services/oauth2/token":
            return None
        self.calls += 1
        if self.calls % self.calls_per_token == 0:
            self.session += 1
        if request.headers.get("authorization") != f"Bearer session-{self.session}":
            return problem(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return None

    def throttled_answer(self):
        return problem(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    @route("POST", "/services/oauth2/token")
    def oauth(self, request):
        form = parse_qs(request.content.decode())
        if form["client_secret"] != [self.secret] or form["grant_type"] != ["client_credentials"]:
            return Answer(401, {"error": "invalid_client", "error_description": "invalid client credentials"})
        return Answer(200, {"access_token": f"session-{self.session}", "instance_url": self.url})

    @route("GET", API + "/limits")
    def limits_(self, request):
        return Answer(200, {"DailyApiRequests": {"Max": 100000, "Remaining": 99000}})

    @route("GET", API + "/sobjects/Contact/describe")
    def describe(self, request):
        found = [
            {"name": n, "type": t, "updateable": n != "Id", "createable": n != "Id"}
            for n, t in self.fields.items()
        ]
        return Answer(200, {"fields": found})

    @route("POST", API + "/tooling/sobjects/CustomField")
    def create_field(self, request):
        body = request.json
        object_, name = body["FullName"].split(".")
        types = {
            "Text": "string",
            "LongTextArea": "textarea",
            "Number": "double",
            "Date": "date",
            "DateTime": "datetime",
            "Checkbox": "boolean",
        }
        metadata = body["Metadata"]
        if (
            object_ != "Contact"
            or not name.endswith("__c")
            or (metadata["type"] == "Number" and "scale" not in metadata)
        ):
            return problem(400, "FIELD_INTEGRITY_EXCEPTION", "bad field")
        self.fields[name] = types[metadata["type"]]
        return Answer(201, {"id": "00N1", "success": True})

    @route("POST", JOBS)
    def create_job(self, request):
        body = request.json
        if (
            body["operation"] != "upsert"
            or body["externalIdFieldName"] not in self.fields
            or body["lineEnding"] != "LF"
        ):
            return problem(400, "INVALIDJOB", "bad job")
        id_ = f"750{len(self.jobs) + 1}"
        self.jobs[id_] = {"id": id_, "object": "Contact", "state": "Open", "looks": 0, "good": [], "bad": []}
        return Answer(200, {"id": id_, "state": "Open"})

    @route("PUT", JOBS + "/(?P<id>[^/]+)/batches")
    def upload(self, request):
        job = self.jobs[request.arguments["id"]]
        if request.headers.get("content-type") != "text/csv" or b"\r" in request.content or "csv" in job:
            return problem(400, "INVALIDJOB", "LineEnding is invalid on user data")
        job["csv"] = request.content.decode()
        return Answer(201)

    @route("PATCH", JOBS + "/(?P<id>[^/]+)")
    def close_job(self, request):
        job = self.jobs[request.arguments["id"]]
        if job["state"] == "Open":
            job["state"] = request.json["state"]
        return Answer(200, {"id": job["id"], "state": job["state"]})

    @route("GET", JOBS + "/(?P<id>[^/]+)")
    def look(self, request):
        job = self.jobs.get(request.arguments["id"])
        if not job:
            return problem(404, "NOT_FOUND", "no such job")
        job["looks"] += 1
        if job["state"] == "UploadComplete":
            job["state"] = "InProgress"
        elif job["state"] == "InProgress":
            self._run(job)
        return Answer(200, {k: job[k] for k in ("id", "object", "state")})

    @route("GET", JOBS)
    def all_jobs(self, request):
        for job in self.jobs.values():
            job["looks"] += 1
            if job["state"] == "UploadComplete" and job["looks"] > 3:
                self._run(job)
        return Answer(
            200,
            {
                "done": True,
                "records": [{k: j[k] for k in ("id", "object", "state")} for j in self.jobs.values()],
            },
        )

    def _run(self, job):
        for row in csv.DictReader(io.StringIO(job["csv"])):
            key = row["CDP_ID__c"]
            existing = [r for r in self.records.values() if r.get("CDP_ID__c") == key]
            values = {n: (None if v == "#N/A" else v) for n, v in row.items() if v != ""}
            unknown = set(values) - set(self.fields)
            email = values.get("Email")
            if unknown:
                error = f"INVALID_FIELD:{sorted(unknown)[0]}:--"
            elif email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", email):
                error = f"INVALID_EMAIL_ADDRESS:Email: invalid email address: {email}:Email --"
            elif not existing and not values.get("LastName"):
                error = "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
            else:
                error = ""
            if error:
                job["bad"].append({"sf__Id": "", "sf__Error": error, **row})
                continue
            record = existing[0] if existing else self._new()
            record.update({n: v == "true" if self.fields[n] == "boolean" else v for n, v in values.items()})
            record["SystemModstamp"] = self.clock.tick()
            job["good"].append(
                {"sf__Id": record["Id"], "sf__Created": "false" if existing else "true", **row}
            )
        job["state"] = "JobComplete"

    def _new(self):
        id_, self.next_id = f"003{self.next_id:012}", self.next_id + 1
        self.records[id_] = {
            "Id": id_,
            "HasOptedOutOfEmail": False,
            "DoNotCall": False,
            "EmailBouncedDate": None,
            "Email": None,
            "CDP_Archived__c": False,
        }
        return self.records[id_]

    @route("GET", JOBS + "/(?P<id>[^/]+)/(?P<kind>successful|failed)Results")
    def results(self, request):
        job = self.jobs[request.arguments["id"]]
        rows = job["good" if request.arguments["kind"] == "successful" else "bad"]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["sf__Id"])
        writer.writeheader()
        writer.writerows(rows)
        return Answer(200, headers={"Content-Type": "text/csv"}, content=text.getvalue().encode())

    @route("GET", API + "/query")
    def query(self, request):
        soql = request.query["q"]
        found = list(self.records.values())
        keys = re.search(r"CDP_ID__c IN \((.*)\)$", soql)
        since = re.search(r"SystemModstamp >= (\S+)", soql)
        columns = re.match(r"SELECT (\S+) FROM Contact", soql)[1].split(",")
        if (
            set(columns)
            - set(self.fields)
            - {"HasOptedOutOfEmail", "DoNotCall", "EmailBouncedDate", "SystemModstamp"}
        ):
            return problem(400, "INVALID_FIELD", "No such column")
        if keys:
            found = [r for r in found if r.get("CDP_ID__c") in re.findall(r"'([^']*)'", keys[1])]
        if since:
            found = [
                r
                for r in found
                if r["SystemModstamp"] >= since[1]
                and (r["HasOptedOutOfEmail"] or r["DoNotCall"] or r["EmailBouncedDate"])
            ]
            found.sort(key=lambda r: r["SystemModstamp"])
        self.pages = [
            [{c: r.get(c) for c in columns} for r in found[n : n + 2]] for n in range(0, len(found), 2)
        ] or [[]]
        return self._page(0)

    @route("GET", API + r"/query/page-(?P<n>\d+)")
    def query_more(self, request):
        return self._page(int(request.arguments["n"]))

    def _page(self, number):
        body = {"records": self.pages[number], "done": number + 1 == len(self.pages)}
        return Answer(
            200, body if body["done"] else {**body, "nextRecordsUrl": f"{API}/query/page-{number + 1}"}
        )

    @route("PATCH", API + "/composite/sobjects")
    def update(self, request):
        records = request.json["records"]
        if len(records) > 200:
            return problem(400, "EXCEEDED_ID_LIMIT", "record limit reached")
        answers = []
        for given in records:
            record = self.records[given["id"]]
            record.update({n: v for n, v in given.items() if n not in ("attributes", "id")})
            record["SystemModstamp"] = self.clock.tick()
            answers.append({"id": given["id"], "success": True, "errors": []})
        return Answer(200, answers)

    @route("DELETE", API + "/composite/sobjects")
    def delete(self, request):
        ids = request.query["ids"].split(",")
        for id_ in ids:
            self.records.pop(id_)
        return Answer(200, [{"id": id_, "success": True, "errors": []} for id_ in ids])

    # What the tests ask of every fake.
    def stored(self):
        return {r.get("CDP_ID__c"): r for r in self.records.values()}

    def count(self):
        return len(self.records)

    def opt_out(self, email):
        record = next(r for r in self.records.values() if r["Email"] == email)
        record.update(HasOptedOutOfEmail=True, SystemModstamp=self.clock.tick())

    def opted_out(self, email):
        return any(r["Email"] == email and r["HasOptedOutOfEmail"] for r in self.records.values())

    def in_use(self, email):
        return any(r["Email"] == email for r in self.records.values())

    def gone(self, key, operation):
        return key not in self.stored() or self.stored()[key]["CDP_Archived__c"]
