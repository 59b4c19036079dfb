"""A real Tryton server for a check by hand: `python tests/exports/tryton_server.py`.

It needs `trytond`, `trytond-party` and `trytond-marketing-email` beside the project, which are not among its
dependencies. The server lives in a temporary directory and ends with the script.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from exports.destinations import tryton
from exports.engine.destination import Field, Operation, Row
from exports.engine.errors import Rejected

CONFIG = "[database]\nuri = sqlite://\npath = {path}\n[web]\nlisten = 127.0.0.1:{port}\n"


@contextmanager
def server(port: int = 18112):
    """Starts Tryton on SQLite; the settings of a destination that reaches it."""
    with tempfile.TemporaryDirectory() as name:
        root, binaries = Path(name), Path(sys.executable).parent
        (root / "trytond.conf").write_text(CONFIG.format(path=name, port=port))
        (root / "password").write_text("test-secret")
        (root / "crm.sqlite").touch()
        environment = {**os.environ, "TRYTONPASSFILE": str(root / "password")}
        common = ["-c", str(root / "trytond.conf"), "-d", "crm"]
        admin = [str(binaries / "trytond-admin"), *common]
        subprocess.run([*admin, "--all", "--email", "a@example.org"], env=environment, check=True)
        modules = ["-u", "party", "marketing_email", "--activate-dependencies"]
        subprocess.run([*admin, *modules], env=environment, check=True)
        process = subprocess.Popen([str(binaries / "trytond"), *common], stderr=subprocess.DEVNULL)
        try:
            time.sleep(5)
            yield tryton.Settings(
                kind="tryton",
                base_url=f"http://127.0.0.1:{port}",
                database="crm",
                login="admin",
                password="test-secret",
            )
        finally:
            process.terminate()
            process.wait()


def row(number: int, **named) -> Row:
    """A customer."""
    email = f"person{number}@example.org"
    return Row(
        f"c_{number}",
        email,
        fields={"name": f"Name {number}", "email": email, "phone": "+4930123456"},
        **named,
    )


def main() -> None:
    """The life of three parties."""
    with server() as settings:
        target = tryton.connect(settings)
        for finding in target.check([Field("name", "text"), Field("email", "text"), Field("absent", "text")]):
            print(finding)
        rows = [row(1), row(2), row(3)]
        created = target.send(Operation.UPSERT, rows)
        assert [result.created for result in created.results] == [True] * 3, created
        again = target.send(Operation.UPSERT, rows)
        assert {result.created for result in again.results} == {False}, again
        ids = {result.key: result.remote_id for result in created.results}
        found = target.find(rows, ["name"])
        assert {key: contact.remote_id for key, contact in found.items()} == ids, found
        changed = Row(
            "c_1", "new@example.org", fields={"name": "Neu", "email": "new@example.org", "phone": None}
        )
        target.send(Operation.UPSERT, [changed])
        method, condition = "model.party.contact_mechanism.search_read", [["party", "=", int(ids["c_1"])]]
        mechanisms = target._call(method, condition, 0, None, None, ["type", "value"])
        assert [(m["type"], m["value"]) for m in mechanisms] == [("email", "new@example.org")], mechanisms
        try:
            target.send(Operation.UPSERT, [Row("c_9", None, fields={"nonsense": "x"})])
        except Rejected as error:
            print("refused:", error.reason)
        target.send(Operation.ARCHIVE, [row(2), row(9)])
        assert target.find(rows, [])["c_2"].archived
        target.send(Operation.RESTORE, [row(2)])
        assert not target.find(rows, [])["c_2"].archived
        for _ in range(2):
            target.send(Operation.MERGE, [row(2, into=row(1))])
        assert target.find(rows, [])["c_2"].archived
        target.send(Operation.RESTORE, [row(2)])
        groups = target._call("model.res.group.search", [], 0, None, None)
        target._call("model.res.user.write", [1], {"groups": [["add", groups]]})
        lists = target._call("model.marketing.email.list.create", [{"name": "News", "language": 1}])
        entry = {"list_": lists[0], "email_token": "t"}
        entries = [{**entry, "email": f"person{number}@example.org"} for number in (1, 2)]
        target._call("model.marketing.email.create", entries)
        assert target.pull_suppressions(None).items == []
        target.send(Operation.WITHDRAW, [row(2), row(7)])
        page = target.pull_suppressions(None)
        assert [item.identity for item in page.items] == ["person2@example.org"], page
        for _ in range(2):
            target.send(Operation.DELETE, [row(3)])
        assert "c_3" not in target.find(rows, [])
        wrong = tryton.connect(settings.model_copy(update={"password": type(settings.password)("wrong")}))
        findings = wrong.check([])
        assert not findings[0].good and "wrong" not in findings[0].text, findings
        print("all is well")


if __name__ == "__main__":
    main()
