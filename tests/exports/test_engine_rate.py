"""Rate limits: never exceeded, used to nine tenths; waits come from the vendor."""

import httpx
import pytest
from fakes.fake_vendor import Answer, Chaos, FakeVendor, route
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.engine.errors import Refused, Rejected, Throttled, Unavailable
from exports.engine.http import Client, RateInfo
from exports.engine.rate import Limit, RateLimiter
from exports.engine.retry import Concurrency, DestinationDown, Patience, patiently


class FakeTime:
    """A clock that only sleeping moves, with threads that wake up late."""

    def __init__(self, late: float = 0.0) -> None:
        self.now, self.late = 1000.0, late

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late


def starts(limits: list[Limit], count: int, late: float = 0.0) -> list[float]:
    time = FakeTime(late)
    limiter = RateLimiter(limits, lambda: time.now, time.sleep)
    found = []
    for _ in range(count):
        limiter.acquire()
        found.append(time.now)
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60), st.sampled_from([0.5, 1.0, 10.0]), st.integers(60, 400), st.sampled_from([0.0, 0.004])
)
def test_no_window_holds_more_than_allowed(requests, seconds, per_minute, late):
    limits = [Limit(requests, seconds), Limit(per_minute, 60.0)]
    found = starts(limits, 300, late)
    for limit in limits:
        for first, last in zip(found, found[limit.requests :], strict=False):
            assert last - first >= limit.seconds


@pytest.mark.parametrize("late", [0.0, 0.004])
@pytest.mark.parametrize("limit", [Limit(190, 10.0), Limit(10, 1.0), Limit(150, 60.0)])
def test_nine_tenths_of_the_limit_are_used(limit, late):
    count = limit.requests * 10
    found = starts([limit], count, late)
    rate = (count - 1) / (found[-1] - found[0])
    assert rate >= 0.9 * limit.requests / limit.seconds


def test_a_vendor_that_says_wait_is_waited_for():
    time = FakeTime()
    limiter = RateLimiter([Limit(100, 1.0)], lambda: time.now, time.sleep)
    limiter.block(30)
    limiter.acquire()
    assert time.now >= 1030


class Vendor(FakeVendor):
    answer_with = Answer(200, {"fine": True})

    @route("GET", "/x")
    def x(self, request):
        return self.answer_with


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (429, {}, Throttled, "too fast"),
        (503, {}, Unavailable, "503"),
        (400, {"message": "no such field"}, Rejected, "no such field"),
        (401, {"message": "wrong key sk-secret"}, Refused, "credentials"),
    ],
)
def test_answers_become_our_errors(status, body, error, text):
    with Vendor().serving() as fake:
        fake.answer_with = Answer(status, body, {"Retry-After": "7"})
        client = Client(fake.url, name="v", headers={"authorization": "Bearer sk-secret"})
        with pytest.raises(error) as caught:
            client.request("GET", "/x")
        assert text in str(caught.value) and "sk-secret" not in str(caught.value)
        if status == 429:
            assert caught.value.after == 7


def test_a_lost_answer_is_told_from_a_refusal():
    with Vendor(Chaos(lost=1.0)).serving() as fake, pytest.raises(Unavailable):
        Client(fake.url, name="v").request("GET", "/x")
    with pytest.raises(Unavailable, match="no answer"):
        Client("http://127.0.0.1:9", name="v").request("GET", "/x")


def test_remaining_zero_in_the_headers_stops_the_next_request(monkeypatch):
    blocked = []
    monkeypatch.setattr(RateLimiter, "block", lambda self, seconds: blocked.append(seconds))

    def read(headers: httpx.Headers) -> RateInfo:
        return RateInfo(int(headers["x-left"]), float(headers["x-reset"]))

    with Vendor().serving() as fake:
        client = Client(fake.url, name="v", limits={"default": [Limit(100, 1.0)]}, rate_info=read)
        for left in ("3", "0"):
            fake.answer_with = Answer(200, {}, {"x-left": left, "x-reset": "12"})
            client.request("GET", "/x")
    assert blocked == [12.0]


def test_patience_ends_and_honours_what_the_vendor_asks():
    slept: list[float] = []

    def never():
        raise Throttled("too fast", after=20)

    with pytest.raises(DestinationDown, match="does not answer"):
        patiently(never, "v", Patience(base_seconds=1, longest_seconds=4, attempts=5, seed=1), slept.append)
    assert len(slept) == 4 and all(20 <= wait <= 24 for wait in slept)


def test_concurrency_halves_and_grows_back():
    concurrency = Concurrency(8)
    concurrency.refused()
    assert concurrency.allowed == 4
    for _ in range(40):
        concurrency.answered()
    assert concurrency.allowed == 8
