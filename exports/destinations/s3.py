"""Files to an S3 bucket, or to anything that speaks its protocol.

Each object appears in one step, so a reader sees the old one or the new; the manifest comes last. Arrow's
client leaves an empty object that stands for the folder when it deletes from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from exports.destinations.delivery import listed, stale
from exports.engine.destination import Finding
from exports.engine.errors import Refused, Unavailable
from stammkunde.settings import Section

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem


class Settings(Section):
    """`endpoint`: host and port of a server other than Amazon's, with `scheme`."""

    kind: Literal["s3"]
    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = None
    scheme: Literal["https", "http"] = "https"
    access_key: SecretStr
    secret_key: SecretStr
    session_token: SecretStr | None = None


def connect(settings: Settings) -> S3:
    """The bucket."""
    # Loading Arrow's S3 library costs a tenth of a second.
    from pyarrow.fs import S3FileSystem

    options: dict[str, Any] = {
        "access_key": settings.access_key.get_secret_value(),
        "secret_key": settings.secret_key.get_secret_value(),
        "session_token": settings.session_token.get_secret_value() if settings.session_token else None,
        "region": settings.region, "scheme": settings.scheme, "endpoint_override": settings.endpoint,
        "connect_timeout": 10, "request_timeout": 60,
    }  # fmt: skip
    filesystem = S3FileSystem(**{name: value for name, value in options.items() if value is not None})
    return S3(filesystem, settings.bucket, settings.prefix.strip("/"))


class S3:
    """A prefix in a bucket."""

    def __init__(self, filesystem: S3FileSystem, bucket: str, prefix: str) -> None:
        self._filesystem, self._place = filesystem, f"{bucket}/{prefix}" if prefix else bucket

    def check(self) -> list[Finding]:
        probe = f"{self._place}/.stammkunde-check"
        try:
            with self._filesystem.open_output_stream(probe) as stream:
                stream.write(b"")
            self._filesystem.delete_file(probe)
        except OSError as error:
            return [Finding(False, f"s3: {self._place} cannot be written: {_short(error)}")]
        return [Finding(True, f"s3: {self._place} can be written")]

    def deliver(self, files: Sequence[Path], manifest: Path) -> None:
        try:
            before = listed(self._read(f"{self._place}/{manifest.name}"))
            for path in (*files, manifest):
                name = f"{self._place}/{path.name}"
                with path.open("rb") as source, self._filesystem.open_output_stream(name) as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            for name in stale(before, files):
                self._filesystem.delete_file(f"{self._place}/{name}")
        except PermissionError as error:
            raise Refused(f"s3: {self._place}: {_short(error)}") from None
        except OSError as error:
            raise Unavailable(f"s3: {self._place}: {_short(error)}") from None

    def _read(self, path: str) -> bytes | None:
        try:
            with self._filesystem.open_input_stream(path) as stream:
                content: bytes = stream.read()
                return content
        except FileNotFoundError:
            return None


def _short(error: OSError) -> str:
    """Arrow's message without the headers that follow it."""
    return str(error).split(" Request ID")[0][:300]
