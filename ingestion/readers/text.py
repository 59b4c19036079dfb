"""Bytes of a text file: compression, encoding, line ends.

Belongs here: deciding the encoding of a file and handing out its lines in large blocks.
Does not belong here: CSV, JSON.

The readers work on bytes in which ASCII characters stand for themselves (UTF-8, cp1252) and decode late, so
that a line in a foreign encoding spoils only itself. UTF-16 becomes UTF-8 on the way in.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from ingestion.readers.files import Refused

BLOCK_BYTES = 16 << 20
MAX_LINE_BYTES = 64 << 20
MAX_FIELD_BYTES = 1 << 20
KEPT_BYTES = 16 << 10  # of a rejected row

Encoding = Literal["utf-8", "cp1252"]

_NOT_ASCII_LINE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
# Bytes that cp1252 leaves undefined, and those that are punctuation or capitals there but small umlauts in
# cp850 and Mac Roman, where they stand between small letters.
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]|[A-Za-z][\x82\x84\x8a\x8e\x94\x99\x9f][a-z]")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Text:
    """A text file whose encoding is known.

    `mixed` says that some lines are not in `encoding`; `decode` finds them.
    """

    content: Path | bytes
    encoding: Encoding
    mixed: bool

    def blocks(self) -> Iterator[bytes]:
        """Blocks of whole lines of about 16 MiB, without a byte order mark; line ends are LF or CRLF."""
        return _line_blocks(self.content)

    def decode(self, line: bytes) -> str:
        """Text of one line or field; UnicodeDecodeError if it is not in the file's encoding."""
        if self.mixed and self.encoding == "cp1252" and not line.isascii() and _is_utf8(line):
            raise UnicodeDecodeError("cp1252", line, 0, len(line), "UTF-8 in a file in cp1252")
        return line.decode(self.encoding)


def inspect(content: Path | bytes) -> Text:
    """Decides the encoding of a file from all its bytes.

    UTF-8 if every line is valid UTF-8, cp1252 if no line with other than ASCII characters is. A file that
    mixes both is read in the encoding of most of its lines. Raises Refused if neither fits.
    """
    if all(_is_utf8(block) for block in _line_blocks(content)):
        return Text(content, "utf-8", mixed=False)
    utf8_lines = other_lines = 0
    last_block = b""
    for block in _line_blocks(content):
        last_block = block
        if _UTF8_SEQUENCE.search(block) is None and not block.isascii():
            other_lines += 1  # at least one, and none in UTF-8
            continue
        for line in _NOT_ASCII_LINE.findall(block):
            if _is_utf8(line):
                utf8_lines += 1
            else:
                other_lines += 1
    if other_lines == 1 and last_block.endswith(b"\xc3"):
        raise Refused("the file is cut off in the middle of a character")
    if utf8_lines >= other_lines:
        return Text(content, "utf-8", mixed=True)
    _require_cp1252(content)
    return Text(content, "cp1252", mixed=utf8_lines > 0)


def _require_cp1252(content: Path | bytes) -> None:
    """Raises Refused if a line that is not UTF-8 can't be cp1252 either."""
    line_number = 1
    for block in _line_blocks(content):
        start = 0
        while match := _NOT_CP1252.search(block, start):
            begin = block.rfind(b"\n", 0, match.start()) + 1
            start = block.find(b"\n", match.end()) + 1 or len(block)
            if not _is_utf8(block[begin:start]):
                raise Refused(
                    "the encoding is neither UTF-8 nor cp1252 (perhaps an old DOS or Mac code page); "
                    "save the file as UTF-8",
                    line_number + block.count(b"\n", 0, match.start()),
                )
        line_number += block.count(b"\n")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _line_blocks(content: Path | bytes) -> Iterator[bytes]:
    rest = b""
    for chunk in _chunks(content):
        rest += chunk
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > MAX_LINE_BYTES:
            raise Refused(f"a line is longer than {MAX_LINE_BYTES >> 20} MiB; this is no text file")
    if rest:
        yield rest


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    """The bytes with UTF-16 made UTF-8, the byte order mark removed and bare CR as line end made LF."""
    decoder: codecs.IncrementalDecoder | None = None
    old_mac = False
    first = True
    for chunk in _raw_chunks(content):
        if first:
            if chunk.startswith(_UTF16):
                decoder = codecs.getincrementaldecoder("utf-16")()
            elif b"\0" in chunk[:4]:
                raise Refused("the file is binary or UTF-16 without a byte order mark; save it as UTF-8")
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        if decoder:
            chunk = _from_utf16(decoder, chunk, final=False)
        if first:
            old_mac = b"\r" in chunk and b"\n" not in chunk
            first = False
        yield chunk.replace(b"\r", b"\n") if old_mac else chunk
    if decoder and (end := _from_utf16(decoder, b"", final=True)):
        yield end


def _from_utf16(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool) -> bytes:
    try:
        return decoder.decode(chunk, final).encode()
    except UnicodeError:
        raise Refused("the file is not valid UTF-16; it may be cut off") from None


def _raw_chunks(content: Path | bytes) -> Iterator[bytes]:
    file: BinaryIO = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    with file:
        if file.read(2) == b"\x1f\x8b":
            file.seek(0)
            file = cast(BinaryIO, gzip.GzipFile(fileobj=file))
        else:
            file.seek(0)
        try:
            while chunk := file.read(BLOCK_BYTES):
                yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Refused(f"the gzip archive is damaged or cut off ({error})") from error
