"""The secret key: where it comes from, and that SQL and Python hash alike."""

import hashlib
import hmac

import duckdb
import pytest

from privacy.key import Key
from stammkunde.errors import UserError
from stammkunde.home import Home

LONG = "a key that is long enough"


def test_the_key_of_the_environment_holds(tmp_path):
    key = Key.of(Home(tmp_path), {"STAMMKUNDE_SECRET_KEY": LONG})
    assert key.secret == LONG.encode()
    assert key.created is None
    assert list(tmp_path.iterdir()) == []


def test_the_key_of_a_mounted_file(tmp_path):
    (tmp_path / "mounted").write_text(LONG + "\n")
    key = Key.of(Home(tmp_path), {"STAMMKUNDE_SECRET_KEY_FILE": str(tmp_path / "mounted")})
    assert key.secret == LONG.encode()
    with pytest.raises(UserError, match="cannot be read"):
        Key.of(Home(tmp_path), {"STAMMKUNDE_SECRET_KEY_FILE": str(tmp_path / "absent")})


def test_without_one_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    made = Key.of(Home(tmp_path), {})
    assert made.created == tmp_path / "secret.key"
    assert made.created.stat().st_mode & 0o777 == 0o600
    assert Key.of(Home(tmp_path), {}).secret == made.secret
    assert Key.of(Home(tmp_path), {}).created is None
    assert made.secret.decode() not in repr(made)


def test_a_short_key_is_refused_and_not_told(tmp_path):
    with pytest.raises(UserError, match="at least 16") as refused:
        Key.of(Home(tmp_path), {"STAMMKUNDE_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "anna@example.org", "Müller|Gänseweg 5", "x" * 500])
def test_sql_and_python_hash_alike(text):
    key = Key(LONG.encode())
    expected = hmac.new(
        hmac.new(LONG.encode(), b"tombstone", hashlib.sha256).digest(), text.encode(), hashlib.sha256
    ).hexdigest()
    assert key.hash("tombstone", text) == expected
    assert key.hash("pseudonym", text) != expected
    with duckdb.connect() as connection:
        key.prepare(connection, "tombstone")
        found = connection.execute("select keyed_hash(?), keyed_hash(null)", [text]).fetchone()
    assert found == (expected, None)
