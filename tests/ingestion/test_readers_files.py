from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ingestion.contracts import Table, catalogue
from ingestion.extract import (
    Context,
    FileRead,
    FileRefused,
    Message,
    Notice,
    Rows,
    SourceState,
    SourceUnavailable,
)
from ingestion.readers.csv import read_csv
from ingestion.readers.files import Pattern, read_folder, read_whole_file

LOYALTY = catalogue()["shop"]["loyalty"]
PATTERNS = (Pattern("*.csv", LOYALTY, read_csv),)
CONTENT = b"member_no;city\n1;Ulm\n"


def read(folder: Path, context: Context = Context(date(2026, 1, 1))) -> list[Message]:  # noqa: B008
    return list(read_folder(folder, PATTERNS, context))


def read_names(messages: list[Message]) -> list[str]:
    return [m.file for m in messages if isinstance(m, FileRead)]


def notices(messages: list[Message]) -> list[str]:
    return [m.text for m in messages if isinstance(m, Notice)]


def test_subfolders_are_searched_in_the_order_of_names(tmp_path: Path) -> None:
    for number, name in enumerate(("b.csv", "a/z.CSV", "a/b/c.csv")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT + b"%d;Hof\n" % number)
    assert read_names(read(tmp_path)) == ["a/b/c.csv", "a/z.CSV", "b.csv"]


@pytest.mark.parametrize("name", [".hidden.csv", "x.csv.part", "x.tmp", "~$x.csv", ".git/x.csv", "notes.txt"])
def test_other_files_are_named_and_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(CONTENT)
    messages = read(tmp_path)
    assert read_names(messages) == []
    assert any(name.split("/")[0] in text for text in notices(messages))


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "in"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.csv").write_bytes(CONTENT)
    (folder / "link.csv").symlink_to(outside / "secret.csv")
    (folder / "links").symlink_to(outside)
    (folder / "broken.csv").symlink_to(outside / "absent.csv")
    messages = read(folder)
    assert not any(isinstance(m, Rows) for m in messages)
    links = [text.split(":")[0] for text in notices(messages) if "link" in text and ":" in text]
    assert links == ["broken.csv", "link.csv", "links"]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not exist"):
        read(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(SourceUnavailable, match="is no folder"):
        read(tmp_path / "file")


def test_empty_folder_is_said(tmp_path: Path) -> None:
    assert any("holds no file" in text for text in notices(read(tmp_path)))


def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert any("no regular file" in text for text in notices(read(tmp_path)))


def test_known_content_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CONTENT)
    done = [m for m in read(tmp_path) if isinstance(m, FileRead)]
    state = SourceState(known_files=frozenset({done[0].sha256}))
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert read(tmp_path, Context(date(2026, 1, 1), state=state)) == []
    assert read_names(read(tmp_path, Context(date(2026, 1, 1), state=state, full=True))) == ["b.csv"]


def test_file_that_changes_while_it_is_read_is_refused_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)

    def growing(content: Path, table: Table, context: Context, *, name: str) -> Iterator[Message]:
        def parse() -> Iterator[Message]:
            yield Notice("half way")
            with path.open("ab") as file:
                file.write(b"2;Hof\n")

        yield from read_whole_file(content, table, context, name, parse)

    end = list(read_folder(tmp_path, (Pattern("*.csv", LOYALTY, growing),), Context(date(2026, 1, 1))))[-1]
    assert isinstance(end, FileRefused)
    assert "changed while it was read" in end.reason
    assert end.sha256 == ""  # so that its content is not known in the next run


def test_file_that_disappears_is_refused(tmp_path: Path) -> None:
    end = list(read_csv(tmp_path / "gone.csv", LOYALTY, Context(date(2026, 1, 1)), name="gone.csv"))[-1]
    assert isinstance(end, FileRefused)
    assert "cannot be read: No such file" in end.reason
