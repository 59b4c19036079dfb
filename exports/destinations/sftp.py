"""Files to an SFTP server. Needs the extra `sftp` (asyncssh).

The server's key must be the one that was agreed: an unknown server is refused, never trusted on first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

from pydantic import Field as Setting
from pydantic import SecretStr, model_validator

from exports.destinations.delivery import listed, stale
from exports.engine.destination import Finding
from exports.engine.errors import Refused, Unavailable
from stammkunde.errors import ConfigError
from stammkunde.settings import Section

Result = TypeVar("Result")


class Settings(Section):
    """`host_key`: the server's public key as in a `known_hosts` file (`ssh-ed25519 AAAA…`)."""

    kind: Literal["sftp"]
    host: str
    port: int = Setting(22, ge=1, le=65535)
    username: str
    host_key: str
    password: SecretStr | None = None
    private_key: SecretStr | None = None
    path: str = "."
    timeout_seconds: float = Setting(60.0, gt=0)

    @model_validator(mode="after")
    def _one_credential(self) -> Settings:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("give exactly one of password, private_key")
        return self


def connect(settings: Settings) -> Sftp:
    """The server. ConfigError if the library is not installed."""
    try:
        import asyncssh
    except ImportError:
        raise ConfigError("destinations of kind sftp need asyncssh: pip install 'stammkunde[sftp]'") from None
    return Sftp(settings, asyncssh)


class Sftp:
    """A folder on the server."""

    def __init__(self, settings: Settings, library: ModuleType) -> None:
        self._settings, self._library = settings, library

    def check(self) -> list[Finding]:
        place = f"{self._settings.host}:{self._settings.path}"

        async def probe(client: Any) -> None:
            path = f"{self._settings.path}/.stammkunde-check"
            async with client.open(path, "wb") as file:
                await file.write(b"")
            await client.remove(path)

        try:
            self._run(probe)
        except (Refused, Unavailable) as error:
            return [Finding(False, str(error))]
        return [Finding(True, f"sftp: {place} can be written")]

    def deliver(self, files: Sequence[Path], manifest: Path) -> None:
        self._run(lambda client: self._put(client, files, manifest))

    async def _put(self, client: Any, files: Sequence[Path], manifest: Path) -> None:
        """All files under other names first, so that the renames follow each other at once."""
        folder = self._settings.path
        before = listed(await self._read(client, f"{folder}/{manifest.name}"))
        for path in (*files, manifest):
            part = f"{folder}/.{path.name}.part"
            await client.put(str(path), part)
            await client.chmod(part, 0o600)
        for path in (*files, manifest):
            await self._replace(client, f"{folder}/.{path.name}.part", f"{folder}/{path.name}")
        for name in stale(before, files):
            if await client.exists(f"{folder}/{name}"):
                await client.remove(f"{folder}/{name}")

    async def _replace(self, client: Any, part: str, final: str) -> None:
        """Renames over the old file; servers without that extension need it out of the way."""
        try:
            await client.posix_rename(part, final)
        except self._library.SFTPOpUnsupported:
            if await client.exists(final):
                await client.remove(final)
            await client.rename(part, final)

    async def _read(self, client: Any, path: str) -> bytes | None:
        if not await client.exists(path):
            return None
        async with client.open(path, "rb") as file:
            content: bytes = await file.read()
        return content

    def _run(self, act: Callable[[Any], Awaitable[Result]]) -> Result:
        settings, ssh = self._settings, self._library
        place = f"{settings.host}:{settings.path}"
        try:
            key = ssh.import_public_key(settings.host_key)
            own = (
                [ssh.import_private_key(settings.private_key.get_secret_value())]
                if settings.private_key
                else None
            )
        except (ssh.KeyImportError, ValueError):
            raise Refused("sftp: host_key or private_key is no key") from None
        password = settings.password.get_secret_value() if settings.password else None

        async def connected() -> Result:
            async with ssh.connect(
                settings.host, settings.port, username=settings.username, password=password,
                client_keys=own, known_hosts=([key], [], []), agent_path=None, config=None,
                connect_timeout=settings.timeout_seconds,
            ) as connection, connection.start_sftp_client() as client:  # fmt: skip
                return await act(client)

        try:
            return asyncio.run(connected())
        except (ssh.PermissionDenied, ssh.HostKeyNotVerifiable, ssh.SFTPPermissionDenied) as error:
            raise Refused(f"sftp: {place}: {type(error).__name__}") from None
        except ssh.SFTPNoSuchFile:
            raise Refused(f"sftp: {place} is not there") from None
        except (ssh.Error, OSError, TimeoutError) as error:
            raise Unavailable(f"sftp: {place}: {type(error).__name__}") from None
