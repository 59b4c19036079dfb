"""Values that ended the process or the run once: nesting, clocks of nobody, numbers beyond every type."""

import json

import pyarrow as pa
import pytest
from landings import AS_OF

from ingestion.contracts import Field, Table
from ingestion.extract import Context, RejectedRow, Rows
from ingestion.parsing import parse
from ingestion.readers.jsonl import read_jsonl

TABLE = Table(
    "test", "note", (Field("note_id", required=True), Field("tags", "text_list")), ("note_id",), (), "Notes"
)


def read(*lines: str) -> list:
    content = ("\n".join(lines) + "\n").encode()
    return list(read_jsonl(content, TABLE, Context(as_of=AS_OF), name="a.jsonl"))


@pytest.mark.parametrize("opening", ["[", '{"x":'])
def test_a_line_nested_too_deeply_is_rejected_and_the_others_are_read(opening):
    closing = "]" if opening == "[" else "}"
    deep = '{"note_id": "2", "x": ' + opening * 100_000 + "1" + closing * 100_000 + "}"
    messages = read('{"note_id": "1"}', deep, '{"note_id": "3"}')
    rejected = [m for m in messages if isinstance(m, RejectedRow)]
    assert [(m.line, "nested too deeply" in m.reason) for m in rejected] == [(2, True)]
    assert sum(m.data.num_rows for m in messages if isinstance(m, Rows)) == 2


def test_many_flat_lists_take_the_fast_way():
    lines = [json.dumps({"note_id": str(i), "tags": ["a", "b"]}) for i in range(1000)]
    (rows, _) = read(*lines)
    assert rows.data.num_rows == 1000


def test_a_list_of_tags_nested_too_deeply_is_a_fault_of_its_row():
    parsed = parse("text_list", pa.array(["[" * 100_000, "a|b"]), "Europe/Berlin")
    assert parsed.reasons.to_pylist() == ["not a JSON array", None]


DAY = 11_574 * 86_400  # 2001-09-09 in seconds


@pytest.mark.parametrize("kind", ["instant", "date"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([2**62, DAY * 1_000_000], pa.timestamp("us")),
        pa.array([2**62, DAY * 1000], pa.timestamp("ms")),
        pa.array([-(2**62), DAY * 1000], pa.timestamp("ms", "UTC")),
        pa.array([2**61, DAY], pa.timestamp("s")),
        pa.array([2**62, DAY * 1000], pa.int64()).view(pa.date64()),
        pa.array([2**30, 11574], pa.date32()),
    ],
    ids=lambda values: str(values.type),
)
def test_an_instant_beyond_the_calendar_is_a_fault_of_its_row(kind, values):
    parsed = parse(kind, values, "Europe/Berlin")
    assert parsed.reasons.to_pylist()[0].startswith("year outside")
    assert parsed.reasons[1].as_py() is None and str(parsed.values[1])[:10] in ("2001-09-08", "2001-09-09")


def test_nanoseconds_are_cut_to_microseconds():
    parsed = parse("instant", pa.array([10**18 + 1], pa.timestamp("ns", "UTC")), "Europe/Berlin")
    assert parsed.reasons.to_pylist() == [None]
    assert str(parsed.values[0]) == "2001-09-09 01:46:40"


def test_an_integer_beyond_the_type_is_a_fault_of_its_row():
    parsed = parse("integer", pa.array([2**63 + 5, 7], pa.uint64()), "Europe/Berlin")
    assert parsed.reasons[0].as_py() is not None and parsed.values[1].as_py() == 7
