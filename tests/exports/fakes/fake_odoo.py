"""Odoo's JSON-RPC as its documentation and source tell it: partners whose reference is not unique, batches in
one transaction, archiving by `active`, the mail blacklist that keeps one entry per address.
"""

from datetime import datetime

from fakes.fake_clock import Clock
from fakes.fake_vendor import Answer, FakeVendor, route


class Error(Exception):
    pass


class FakeOdoo(FakeVendor):
    token, tells_retry_after = "test-secret", True

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.clock, self.partners, self.blacklist, self.traces = Clock(), {}, {}, {}
        self.fields = {"name": "char", "email": "char", "ref": "char", "active": "boolean"}
        self.next_id = 1

    @route("POST", "/jsonrpc")
    def call(self, request):
        body = request.json
        parameters, answer = body["params"], {"jsonrpc": "2.0", "id": body["id"]}
        arguments = parameters["args"]
        if parameters["method"] == "authenticate":
            return Answer(200, {**answer, "result": 7 if arguments[2] == self.token else False})
        if arguments[1:3] != [7, self.token]:
            return self._error(answer, "odoo.exceptions.AccessDenied", "Access Denied")
        try:
            _, _, _, model, method, positional, named = arguments
            result = getattr(self, f"{model.replace('.', '_')}_{method}")(*positional, **named)
        except Error as error:
            return self._error(answer, *error.args)
        return Answer(200, {**answer, "result": result})

    def _error(self, answer, name, message):
        error = {"code": 200, "message": "Odoo Server Error", "data": {"name": name, "message": message}}
        return Answer(200, {**answer, "error": error})

    def _written(self):
        self.clock.tick()
        return datetime.fromisoformat(self.clock.now).strftime("%Y-%m-%d %H:%M:%S")

    def _allowed(self, right, raise_exception):
        return True

    res_partner_check_access_rights = mail_blacklist_check_access_rights = _allowed

    def res_partner_fields_get(self, names, attributes):
        return {name: {"type": type_, "readonly": False} for name, type_ in self.fields.items()}

    def ir_model_search(self, condition):
        return [1]

    def ir_model_fields_create(self, values):
        if not values["name"].startswith("x_") or values["state"] != "manual":
            raise Error(
                "odoo.exceptions.ValidationError", "Custom fields must have a name that starts with 'x_'"
            )
        self.fields[values["name"]] = values["ttype"]
        return 99

    def _valid(self, values):
        unknown = set(values) - set(self.fields)
        if unknown:
            raise Error("builtins.ValueError", f"Invalid field {sorted(unknown)[0]!r} on model 'res.partner'")
        if values.get("email") and "@" not in values["email"]:
            raise Error("odoo.exceptions.ValidationError", "The email is not valid")

    def res_partner_create(self, rows):
        for row in rows:
            self._valid(row)
        ids = []
        for row in rows:
            self.partners[self.next_id] = {"id": self.next_id, "active": True, **row}
            ids.append(self.next_id)
            self.next_id += 1
        return ids

    def res_partner_write(self, ids, values):
        if set(ids) - set(self.partners):
            raise Error("odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
        self._valid(values)
        for id_ in ids:
            self.partners[id_].update(values)
        return True

    def res_partner_unlink(self, ids):
        for id_ in ids:
            del self.partners[id_]
        return True

    def res_partner_search_read(self, condition, fields, order, context):
        ((name, operator, values),) = condition
        assert (name, operator, order) == ("ref", "in", "id")
        found = [p for p in self.partners.values() if p["ref"] in values]
        if context.get("active_test", True):
            found = [p for p in found if p["active"]]
        return [{"id": p["id"], **{f: p.get(f, False) for f in fields}} for p in found]

    def mail_blacklist_create(self, rows):
        for row in rows:
            if row["email"] not in self.blacklist:
                entry = {"id": len(self.blacklist) + 1, "email": row["email"], "write_date": self._written()}
                self.blacklist[row["email"]] = entry
        return [self.blacklist[row["email"]]["id"] for row in rows]

    def mail_blacklist_search_read(self, condition, fields, order):
        return [e for e in self.blacklist.values() if e["write_date"] >= condition[0][2]]

    def mailing_trace_search_read(self, condition, fields, order):
        return [t for t in self.traces.values() if t["id"] > condition[0][2]]

    # What the tests ask of every fake.
    def stored(self):
        return {p["ref"]: p for p in self.partners.values()}

    def count(self):
        return len(self.partners)

    def opt_out(self, email):
        self.mail_blacklist_create([{"email": email}])

    def opted_out(self, email):
        return email in self.blacklist

    def in_use(self, email):
        return any(p.get("email") == email and p["active"] for p in self.partners.values())

    def gone(self, key, operation):
        return not any(p["ref"] == key and p["active"] for p in self.partners.values())
