"""Ways to break a text file, with what must still be accounted for.

`at_least` is the number of records that a reader may not lose if it takes the file at all: each must be
loaded or in quarantine. A file that is refused as a whole loses nothing.
"""

from __future__ import annotations

import codecs
import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass

from good_files import ROWS


@dataclass(frozen=True)
class Damage:
    """One way of damaging a file."""

    name: str
    apply: Callable[[bytes], bytes]
    at_least: int = 0


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def _in_middle(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Changes one line in the middle."""

    def apply(content: bytes) -> bytes:
        lines = _lines(content)
        middle = len(lines) // 2
        lines[middle] = change(lines[middle])
        return b"".join(lines)

    return apply


def _body(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Changes everything after the first line."""

    def apply(content: bytes) -> bytes:
        first, *rest = _lines(content)
        return first + change(b"".join(rest))

    return apply


def _header(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        first, *rest = _lines(content)
        return change(first) + b"".join(rest)

    return apply


def _noise(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def _insert(text: bytes) -> Callable[[bytes], bytes]:
    """Puts text into the middle of a line, before its end."""
    return lambda line: line[: len(line) // 2] + text + line[len(line) // 2 :]


def _first_field(text: bytes) -> Callable[[bytes], bytes]:
    return lambda line: text + line


XML = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "&x;&x;&x;">]>
<a>&y;</a>
"""
_DEEP = b'{"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}\n"

ANY = (
    Damage("empty", lambda c: b""),
    Damage("blank_lines", lambda c: b"\n\r\n\n"),
    Damage("byte_order_mark", lambda c: codecs.BOM_UTF8 + c, ROWS),
    Damage("two_byte_order_marks", lambda c: codecs.BOM_UTF8 * 2 + c),
    Damage("only_a_byte_order_mark", lambda c: codecs.BOM_UTF8),
    Damage("utf16_little", lambda c: codecs.BOM_UTF16_LE + c.decode().encode("utf-16-le"), ROWS),
    Damage("utf16_big", lambda c: codecs.BOM_UTF16_BE + c.decode().encode("utf-16-be"), ROWS),
    Damage("utf16_without_mark", lambda c: c.decode().encode("utf-16-le")),
    Damage("utf16_odd_bytes", lambda c: codecs.BOM_UTF16_LE + c.decode().encode("utf-16-le")[:-1]),
    Damage("utf32", lambda c: c.decode().encode("utf-32")),
    Damage("cp1252", lambda c: c.decode().encode("cp1252", "replace"), ROWS),
    Damage("cp850", lambda c: c.decode().encode("cp850", "replace")),
    Damage("ebcdic", lambda c: c.decode().encode("cp500", "replace")),
    Damage("cut_in_a_line", lambda c: c[: int(len(c) * 0.7)]),
    Damage("cut_before_the_last_break", lambda c: c.rstrip(b"\r\n")),
    Damage("cut_in_a_character", lambda c: c[: c.rindex("ö".encode()) + 1] if "ö".encode() in c else c[:-3]),
    Damage("nul_byte", _in_middle(_insert(b"\0")), ROWS - 1),
    Damage("nul_bytes_at_the_end", lambda c: c + b"\0" * 4096),
    Damage("control_characters", _in_middle(_insert(b"\x01\x02\x7f")), ROWS - 1),
    Damage("broken_utf8", _in_middle(_insert(b"\xc3\x28\xff")), ROWS - 1),
    Damage("overlong_utf8", _in_middle(_insert(b"\xc0\xaf")), ROWS - 1),
    Damage("surrogate", _in_middle(_insert(b"\xed\xa0\x80")), ROWS - 1),
    Damage("right_to_left", _in_middle(_insert("\u202egro.elpmaxe".encode())), ROWS - 1),
    Damage("old_mac_breaks", lambda c: c.replace(b"\r\n", b"\n").replace(b"\n", b"\r")),
    Damage("mixed_breaks", lambda c: c.replace(b"\r\n", b"\n", 5), ROWS),
    Damage("every_line_twice", lambda c: b"".join(line * 2 for line in _lines(c)), ROWS),
    Damage("a_line_of_two_mebibytes", _in_middle(_insert(b"x" * (2 << 20))), ROWS - 1),
    Damage("noise", lambda c: _noise(4000)),
    Damage("noise_at_the_end", lambda c: c + _noise(300)),
    Damage("noise_at_the_start", lambda c: _noise(300) + c),
    Damage("a_picture", lambda c: b"\x89PNG\r\n\x1a\n" + _noise(900)),
    Damage("a_web_page", lambda c: b"<!doctype html><html><body>Login</body></html>\n"),
    Damage("xml_with_entities", lambda c: XML),
    Damage("packed_under_a_plain_name", gzip.compress, ROWS),
    Damage("packed_and_cut", lambda c: gzip.compress(c)[:-9]),
    Damage("packed_bomb", lambda c: gzip.compress(c + b"\n" * 4_000_000)),
)  # fmt: skip

CSV = (
    Damage("only_a_header", lambda c: _lines(c)[0]),
    Damage("no_header", lambda c: b"".join(_lines(c)[1:])),
    Damage("key_column_missing", _header(lambda h: h.replace(b"_id", b"_xx", 1).replace(b"_no", b"_xx", 1))),
    Damage("column_twice", _header(lambda h: h.replace(b"email", b"email;email", 1))),
    Damage("unknown_column", _header(lambda h: h.replace(b"city", b"x").replace(b"topic", b"x")), ROWS),
    Damage("shouted_header", _header(bytes.upper), ROWS),
    Damage("header_in_the_middle", lambda c: c + _lines(c)[0], ROWS),
    Damage("tabs_for_delimiters", _body(lambda b: b.replace(b";", b"\t").replace(b",", b"\t"))),
    Damage("a_field_too_many", _in_middle(lambda line: line.rstrip(b"\r\n") + b";x,y\n"), ROWS - 1),
    Damage("fields_missing", _in_middle(lambda line: line[:4] + b"\n"), ROWS - 1),
    Damage("quote_never_closed", _in_middle(_first_field(b'"')), 0),
    Damage("quote_in_the_middle", _in_middle(_insert(b'"')), ROWS - 1),
    Damage("formulas", _in_middle(_first_field(b"=cmd|'/C calc'!A0")), ROWS - 1),
    Damage("sql", _in_middle(_first_field(b"'); drop table raw.shop__loyalty; --")), ROWS - 1),
    Damage("no_dates", _body(lambda b: b.replace(b"2025", b"20x5")), ROWS),
    Damage("dates_of_nobody", _body(lambda b: b.replace(b"2025", b"9999").replace(b"1980", b"0000")), ROWS),
    Damage("arabic_digits", _body(lambda b: b.replace(b"1", "١".encode())), ROWS),
    Damage("endless_numbers", _in_middle(lambda line: line.replace(b"1", b"9" * 400)), ROWS - 1),
    Damage("ten_thousand_columns", _header(lambda h: h.rstrip() + b";x" * 10_000 + b"\r\n")),
    Damage("spreadsheet_hint", lambda c: b"sep=;\r\n" + c),
)  # fmt: skip

JSONL = (
    Damage("a_line_that_is_no_json", _in_middle(lambda line: b"{nonsense}\n"), ROWS - 1),
    Damage("a_list", _in_middle(lambda line: b"[1, 2]\n"), ROWS - 1),
    Damage("a_number", _in_middle(lambda line: b"42\n"), ROWS - 1),
    Damage("null", _in_middle(lambda line: b"null\n"), ROWS - 1),
    Damage("a_key_twice", _in_middle(lambda line: line.replace(b"{", b'{"ts": "x", "ts": 1, ', 1)), ROWS - 1),
    Damage("nested_too_deeply", _in_middle(lambda line: _DEEP), ROWS - 1),
    Damage("huge_number", _in_middle(lambda line: line.replace(b"{", b'{"x": 1e9999, ', 1)), ROWS - 1),
    Damage("no_number", _in_middle(lambda line: line.replace(b"{", b'{"x": NaN, ', 1)), ROWS - 1),
    Damage("objects_for_texts", _in_middle(lambda line: line.replace(b'"2025', b'{}, "z": "2025')), ROWS - 1),
    Damage("lone_surrogate", _in_middle(lambda line: line.replace(b"example", b"\\ud800")), ROWS - 1),
    Damage("one_array_over_all", lambda c: b"[" + b",".join(_lines(c)) + b"]\n"),
    Damage("pretty_printed", lambda c: c.replace(b", ", b",\n  ")),
    Damage("two_objects_a_line", lambda c: c.replace(b"}\n{", b"} {")),
)  # fmt: skip

VCARD = (
    Damage("card_never_ends", lambda c: c.replace(b"END:VCARD\r\n", b"", 1)),
    Damage("card_in_a_card", lambda c: c.replace(b"FN:", b"BEGIN:VCARD\r\nFN:", 1)),
    Damage("no_begin", lambda c: c.replace(b"BEGIN:VCARD\r\n", b"", 1)),
    Damage("nobody", lambda c: c.replace("Groß".encode(), b"").replace("Zoë".encode(), b"")),
    Damage("bad_folding", lambda c: c.replace(b"EMAIL", b"EMA\r\n  IL", 3)),
    Damage("quoted_printable_cut", lambda c: c.replace(b"FN:", b"FN;ENCODING=QUOTED-PRINTABLE:=C3=", 1)),
    Damage("unknown_charset", lambda c: c.replace(b"FN:", b"FN;CHARSET=KLINGON:", 1)),
    Damage("base64_nonsense", lambda c: c.replace(b"FN:", b"PHOTO;ENCODING=b:!!!!\r\nFN:", 1)),
    Damage("no_colon", lambda c: c.replace(b"EMAIL:", b"EMAIL", 1)),
    Damage("version_9", lambda c: c.replace(b"3.0", b"9.9")),
)  # fmt: skip

OF_KIND = {"csv": ANY + CSV, "jsonl": ANY + JSONL, "vcard": ANY + VCARD}
"""Damage per kind of text file. Zips and Parquet have their own in `archives.py`."""
