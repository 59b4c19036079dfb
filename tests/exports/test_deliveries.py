"""Files to a folder, to a real SFTP server and to an S3 server: whole, private, nothing of others touched."""

import asyncio
import json
import threading

import pytest

from exports.destinations import folder, s3, sftp
from exports.destinations.delivery import listed, stale
from exports.engine.errors import Refused
from stammkunde.errors import ConfigError


def export(tmp_path, number, names=("customers.csv", "customers.parquet")):
    """The files of one export and their manifest."""
    directory = tmp_path / f"export{number}"
    directory.mkdir()
    for name in names:
        (directory / name).write_bytes(f"{name} {number}".encode())
    manifest = directory / "manifest.json"
    manifest.write_text(json.dumps({"files": {name: {"sha256": "x"} for name in names}}))
    return [directory / name for name in names], manifest


@pytest.fixture
def local(tmp_path):
    root = tmp_path / "target"
    root.mkdir()
    return folder.connect(folder.Settings(kind="folder", path=root)), root


@pytest.fixture
def over_sftp(tmp_path):
    ssh = pytest.importorskip("asyncssh", reason="the extra sftp is not installed")
    root = tmp_path / "sftp"
    (root / "in").mkdir(parents=True)
    key = ssh.generate_private_key("ssh-ed25519")

    class Users(ssh.SSHServer):
        def begin_auth(self, username):
            return True

        def password_auth_supported(self):
            return True

        def validate_password(self, username, password):
            return (username, password) == ("cdp", "test-secret")

    started, loop, ports = threading.Event(), asyncio.new_event_loop(), []

    def serve():
        asyncio.set_event_loop(loop)

        async def start():
            server = await ssh.create_server(
                Users, "127.0.0.1", 0, server_host_keys=[key],
                sftp_factory=lambda channel: ssh.SFTPServer(channel, chroot=str(root)),
            )  # fmt: skip
            ports.append(server.sockets[0].getsockname()[1])
            started.set()

        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(20)
    settings = sftp.Settings(
        kind="sftp", host="127.0.0.1", port=ports[0], username="cdp", password="test-secret", path="/in",
        host_key=key.export_public_key().decode(),
    )  # fmt: skip
    yield sftp.connect(settings), root / "in", settings
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def check_delivery(target, read, tmp_path, foreign):
    """The steps that every kind of delivery must take."""
    assert all(finding.good for finding in target.check())
    files, manifest = export(tmp_path, 1)
    for _ in range(2):
        target.deliver(files, manifest)
    first = read()
    assert first["customers.csv"] == b"customers.csv 1" and first["manifest.json"] == manifest.read_bytes()
    files, manifest = export(tmp_path, 2, ["customers.csv"])
    target.deliver(files, manifest)
    assert read() == {
        "customers.csv": b"customers.csv 2",
        "manifest.json": manifest.read_bytes(),
        foreign: b"not ours",
    }


def files_of(root):
    return lambda: {path.name: path.read_bytes() for path in root.iterdir()}


def test_a_folder_gets_whole_private_files_and_loses_only_ours(local, tmp_path):
    target, root = local
    (root / "theirs.csv").write_bytes(b"not ours")
    check_delivery(target, files_of(root), tmp_path, "theirs.csv")
    assert (root / "customers.csv").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    target = folder.connect(folder.Settings(kind="folder", path=tmp_path / "absent"))
    assert [finding.good for finding in target.check()] == [False]
    with pytest.raises(Refused):
        target.deliver(*export(tmp_path, 1))
    assert not (tmp_path / "absent").exists()


def test_sftp_gets_whole_private_files_and_loses_only_ours(over_sftp, tmp_path):
    target, root, _ = over_sftp
    (root / "theirs.csv").write_bytes(b"not ours")
    check_delivery(target, files_of(root), tmp_path, "theirs.csv")
    assert (root / "customers.csv").stat().st_mode & 0o777 == 0o600


def test_sftp_refuses_a_server_with_another_key(over_sftp, tmp_path):
    ssh = pytest.importorskip("asyncssh", reason="the extra sftp is not installed")
    _, root, settings = over_sftp
    other = ssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    target = sftp.connect(settings.model_copy(update={"host_key": other}))
    with pytest.raises(Refused, match="HostKeyNotVerifiable"):
        target.deliver(*export(tmp_path, 1))
    assert list(root.iterdir()) == []


def test_sftp_tells_a_wrong_password_without_naming_it(over_sftp):
    settings = over_sftp[2]
    wrong = settings.model_copy(update={"password": type(settings.password)("another-secret")})
    findings = sftp.connect(wrong).check()
    assert [finding.good for finding in findings] == [False]
    assert "PermissionDenied" in findings[0].text and "secret" not in findings[0].text


def test_sftp_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "asyncssh", None)
    settings = sftp.Settings(kind="sftp", host="h", username="u", password="p", host_key="k")
    with pytest.raises(ConfigError, match=r"stammkunde\[sftp\]"):
        sftp.connect(settings)


@pytest.mark.parametrize("given", [{}, {"password": "a", "private_key": "b"}])
def test_sftp_wants_exactly_one_credential(given):
    with pytest.raises(ValueError, match="exactly one"):
        sftp.Settings(kind="sftp", host="h", username="u", host_key="k", **given)


def test_s3_gets_whole_files_and_loses_only_ours(tmp_path):
    server = pytest.importorskip("moto.server", reason="moto, a test server for S3, is not installed")
    running = server.ThreadedMotoServer("127.0.0.1", 0)
    running.start()
    try:
        host, port = running.get_host_and_port()
        settings = s3.Settings(
            kind="s3", bucket="exports", prefix="cdp", region="eu-central-1", scheme="http",
            endpoint=f"{host}:{port}", access_key="k", secret_key="test-secret",
        )  # fmt: skip
        target = s3.connect(settings)
        assert [finding.good for finding in target.check()] == [False], "there is no bucket yet"
        import boto3

        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
        client = boto3.client("s3", "eu-central-1", endpoint_url=f"http://{host}:{port}", **keys)
        client.create_bucket(
            Bucket="exports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        client.put_object(Bucket="exports", Key="cdp/theirs.csv", Body=b"not ours")

        def read():
            # Arrow leaves an empty object that stands for the folder when it deletes from it.
            found = client.list_objects_v2(Bucket="exports").get("Contents", [])
            keys = [item["Key"] for item in found if not item["Key"].endswith("/")]
            return {
                key.removeprefix("cdp/"): client.get_object(Bucket="exports", Key=key)["Body"].read()
                for key in keys
            }

        check_delivery(target, read, tmp_path, "theirs.csv")
    finally:
        running.stop()


def test_only_files_that_our_manifest_names_are_stale(tmp_path):
    before = listed(json.dumps({"files": {"a.csv": {}, "../b.csv": {}, "c.csv": {}}}).encode())
    assert before == ["a.csv", "c.csv"]
    assert stale(before, [tmp_path / "c.csv"]) == ["a.csv"]
    assert listed(b"not json") == listed(None) == listed(b"[]") == []
    assert listed(json.dumps({"files": [{"name": "a.csv"}]}).encode()) == ["a.csv"]
