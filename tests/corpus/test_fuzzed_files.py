"""Random damage to files of every format: read or refused, every row accounted for, no error of ours."""

import random
import shutil

import pytest
from fuzzing import check, mutate, seeds
from good_files import FORMATS, Format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUIET = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@QUIET
@given(seed=st.integers(0, 2**32), base=st.integers(0, 1000))
def test_mutated_files_are_accounted_for(form: Format, tmp_path, seed: int, base: int) -> None:
    bases = seeds(form)
    content = mutate(bases[base % len(bases)], random.Random(seed))
    shutil.rmtree(tmp_path, ignore_errors=True)
    tmp_path.mkdir()
    assert check(form, content, tmp_path) in ("read", "refused")


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@QUIET
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes_are_accounted_for(form: Format, tmp_path, content: bytes) -> None:
    shutil.rmtree(tmp_path, ignore_errors=True)
    tmp_path.mkdir()
    assert check(form, content, tmp_path) in ("read", "refused")


def test_a_good_file_is_read_and_the_check_can_fail(tmp_path, monkeypatch):
    import fuzzing

    for form in FORMATS:
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        assert check(form, form.content("x"), tmp_path) == "read"
    messages = fuzzing.read(FORMATS[0], FORMATS[0].content("x"), tmp_path)
    monkeypatch.setattr(
        fuzzing, "read", lambda *_: [m for m in messages if not isinstance(m, fuzzing.FileRead)]
    )
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    with pytest.raises(AssertionError, match="0 fates"):
        check(FORMATS[0], b"", tmp_path)
