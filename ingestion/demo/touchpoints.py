"""Contacts besides purchases: mail campaigns, service tickets, surveys, visits of the website."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo.catalogue import catalogue
from ingestion.demo.erp import Erp
from ingestion.demo.jsonl import write_jsonl
from ingestion.demo.loyalty import Loyalty, csv_bytes, time_text
from ingestion.demo.people import Population
from ingestion.demo.purchases import Orders
from ingestion.demo.records import phone_text
from ingestion.demo.text import Text, join, keep, number_text, take, where
from ingestion.demo.webshop import Webshop
from ingestion.demo.world import Ints, World

_CAMPAIGNS = ("Winterpost", "Frühlingsstart", "Gartenfest", "Sommerabverkauf", "Herbstpflanzung", "Advent")
"""By pairs of months."""
_TARGETED = 0.4
_ISO = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Sources:
    """The records that touchpoints refer to."""

    loyalty: Loyalty
    erp: Erp
    webshop: Webshop


def write_touchpoints(
    world: World, population: Population, orders: Orders, sources: Sources, folder: Path
) -> None:
    """Writes mail_events_<year>.jsonl, tickets.csv, surveys.csv and web_events_<year>.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    last_buy = np.full(population.size, -1000)
    known = orders.person >= 0
    np.maximum.at(last_buy, orders.person[known], orders.day[known])
    _by_year(_mail_events(world, sources, last_buy), "ts", folder, "mail_events")
    (folder / "tickets.csv").write_bytes(csv_bytes(_tickets(world, population, orders, sources)))
    (folder / "surveys.csv").write_bytes(csv_bytes(_surveys(world, population, orders)))
    _by_year(_web_events(world, orders, sources.webshop), "ts", folder, "web_events")


def _by_year(table: pa.Table, column: str, folder: Path, name: str) -> None:
    year = pc.utf8_slice_codeunits(table[column], 0, 4)
    for y in sorted(pc.unique(year).to_pylist()):
        write_jsonl(table.filter(pc.equal(year, y)), folder / f"{name}_{y}.jsonl")


def _subscribers(sources: Sources) -> tuple[Text, Ints]:
    """Addresses with consent and the person behind them, one row per address."""
    loyal = np.flatnonzero(
        sources.loyalty.consent_email
        & sources.loyalty.records["email"].is_valid().to_numpy(zero_copy_only=False)
    )
    web = np.flatnonzero(sources.webshop.newsletter)
    email = pc.utf8_lower(
        pa.concat_arrays(
            [take(sources.loyalty.records["email"], loyal), take(sources.webshop.records["email"], web)]
        )
    )
    person = np.concatenate([sources.loyalty.records.who[loyal], sources.webshop.records.who[web]])
    codes = np.asarray(email.dictionary_encode().indices)
    _, first = np.unique(codes, return_index=True)
    first.sort()
    return email.take(pa.array(first)), person[first]


def _mail_events(world: World, sources: Sources, last_buy: Ints) -> pa.Table:
    rng = world.rng("mail")
    email, person = _subscribers(sources)
    n = len(person)
    interest = rng.beta(1.6, 4.0, n)
    wrong_address = rng.random(n) < 0.015
    gone_from = np.where(rng.random(n) < 0.12, rng.integers(0, world.days, n), world.days)
    campaigns = 2 + world.days // 68
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for campaign in range(campaigns):
        day = int(_campaign_day(world, np.array([campaign]))[0])
        chosen = np.flatnonzero((rng.random(n) < _TARGETED) & (gone_from > day))
        if wrong_address.any():
            # A hard bounce ends the mailing to an address after the first try.
            chosen = chosen[~wrong_address[chosen] | (chosen % campaigns == campaign)]
        size = len(chosen)
        at = world.utc(np.full(size, day), 9 * 3600 + rng.integers(0, 1800, size))
        hard = wrong_address[chosen]
        soft = ~hard & (rng.random(size) < 0.01)
        reached = ~(hard | soft)
        # People read mail of a shop where they buy; who has left opens less.
        active = np.where(last_buy[person[chosen]] > day - 200, 1.25, 0.55)
        opened = reached & (rng.random(size) < interest[chosen] * active)
        clicked = opened & (rng.random(size) < 0.18)
        leaves = opened & (gone_from[chosen] <= day + 68)
        complains = leaves & (rng.random(size) < 0.05)
        until_open = (rng.exponential(20_000, size)).astype(np.int64) + 120
        for kind, mask, delay in (
            ("sent", np.ones(size, dtype=bool), 0),
            ("delivered", reached, 8),
            ("soft_bounce", soft, 30),
            ("hard_bounce", hard, 12),
            ("open", opened, until_open),
            ("click", clicked, until_open + 45),
            ("unsubscribe", leaves & ~complains, until_open + 90),
            ("complaint", complains, until_open + 100),
        ):
            rows = np.flatnonzero(mask)
            moment = np.minimum((at + delay)[rows], world.end_instant - 5)
            parts.append(
                (np.full(len(rows), _EVENTS.index(kind)), chosen[rows], np.full(len(rows), campaign), moment)
            )
    events, who, number, moment = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((events, who, moment))
    events, who, number, moment = events[order], who[order], number[order], moment[order]
    month = (world.dates.astype("datetime64[M]").astype(int) % 12)[_campaign_day(world, np.arange(campaigns))]
    name = take(pa.array(_CAMPAIGNS), (month // 2)[number])
    return pa.table(
        {
            "event": take(pa.array(_EVENTS), events),
            "email": take(email, who),
            "campaign_id": join("K", number_text(number + 1, 3)),
            "campaign_name": name,
            "ts": time_text(moment, _ISO),
        }
    )


_EVENTS = ("sent", "delivered", "open", "click", "soft_bounce", "hard_bounce", "unsubscribe", "complaint")


def _campaign_day(world: World, campaign: Ints) -> Ints:
    return np.minimum(5 + campaign * 68, world.days - 2)


def _tickets(world: World, population: Population, orders: Orders, sources: Sources) -> pa.Table:
    """Complaints follow the purchase that went wrong; other questions come from anybody who buys."""
    rng = world.rng("tickets")
    bad = np.flatnonzero(orders.complaint & (orders.person >= 0) & (orders.returns < 0))
    others = np.flatnonzero((orders.person >= 0) & (orders.returns < 0) & (rng.random(orders.size) < 0.012))
    order = np.concatenate([bad, others])
    complaint = np.arange(len(order)) < len(bad)
    delay = rng.integers(0, 6, len(order))
    day = np.minimum(orders.day[order] + delay, world.days - 1)
    by_day = np.lexsort((order, day))
    order, complaint, day = order[by_day], complaint[by_day], day[by_day]
    n, person = len(order), orders.person[order]
    opened = world.utc(day, rng.integers(8 * 3600, 20 * 3600, n))
    closed = opened + rng.integers(3600, 9 * 86_400, n)
    open_still = closed >= world.end_instant
    channel = rng.choice(3, n, p=[0.45, 0.4, 0.15])
    topics = pa.array(["delivery", "quality", "price", "service", "invoice", "product_question"])
    topic = np.where(complaint, rng.integers(0, 4, n), rng.integers(4, 6, n))
    mood = np.clip(np.round(rng.normal(np.where(complaint, 2.2, 4.1), 0.9)), 1, 5).astype(np.int64)
    rated = ~open_still & (rng.random(n) < 0.45)
    reference = _references(sources, person)
    by_phone = channel == 1
    return pa.table(
        {
            "ticket_id": join("T", number_text(700_001 + np.arange(n))),
            "opened_at": time_text(opened, _ISO),
            "closed_at": keep(time_text(closed, _ISO), ~open_still),
            "channel": take(pa.array(["email", "phone", "store"]), channel),
            "email": keep(take(population.reach.email, person), ~by_phone),
            "phone": keep(_phones(population, rng, person), by_phone),
            "customer_ref": keep(reference, rng.random(n) < 0.5),
            "topic": take(topics, topic),
            "is_complaint": where(complaint, "1", "0"),
            "satisfaction": keep(number_text(mood), rated),
        }
    )


def _references(sources: Sources, person: Ints) -> Text:
    """A number that the customer can read off a letter or card: customer number or member number."""
    branch = take(sources.erp.customer_no, sources.erp.first_row[person])
    return pc.coalesce(branch, take(sources.loyalty.member_no, sources.loyalty.first_row[person]))


def _phones(population: Population, rng: np.random.Generator, person: Ints) -> Text:
    mobile = phone_text(rng, population.reach.mobile)
    return pc.coalesce(take(mobile, person), take(phone_text(rng, population.reach.landline), person))


def _surveys(world: World, population: Population, orders: Orders) -> pa.Table:
    """NPS some days after a purchase; who had a complaint scores low."""
    rng = world.rng("surveys")
    chosen = np.flatnonzero((orders.person >= 0) & (orders.returns < 0) & (rng.random(orders.size) < 0.03))
    n, person = len(chosen), orders.person[chosen]
    mood = rng.normal(0, 1, population.size)
    raw = 8.2 + 1.5 * mood[person] - 5.0 * orders.complaint[chosen] + rng.normal(0, 0.8, n)
    nps = rng.random(n) < 0.8
    score = np.where(nps, np.clip(np.round(raw), 0, 10), np.clip(np.round(raw / 2), 1, 5)).astype(np.int64)
    day = np.minimum(orders.day[chosen] + rng.integers(1, 12, n), world.days - 1)
    answered = np.minimum(world.utc(day, rng.integers(8 * 3600, 22 * 3600, n)), world.end_instant - 60)
    comments = pa.array(
        ["Sehr freundliche Beratung", "Lieferung dauerte zu lange", "Gerne wieder", "Zu teuer"]
    )
    comment = np.where(
        rng.random(n) < 0.2, np.where(score >= np.where(nps, 7, 4), 0, 1) + 2 * (rng.random(n) < 0.3), -1
    )
    email = take(population.reach.email, person)
    return pa.table(
        {
            "survey_id": join("S", number_text(800_001 + np.arange(n))),
            "answered_at": time_text(answered, _ISO),
            "email": email,
            "customer_ref": pa.nulls(n, pa.string()),
            "question": where(nps, "nps", "csat"),
            "score": number_text(score),
            "comment": take(comments, comment.astype(np.int64)),
        }
    ).filter(email.is_valid())


def _web_events(world: World, orders: Orders, webshop: Webshop) -> pa.Table:
    """Page views before a part of the webshop's orders, and visits that end without one."""
    rng = world.rng("web events")
    buys = np.flatnonzero((orders.returns[webshop.rows] < 0) & (rng.random(len(webshop.rows)) < 0.35))
    views = rng.integers(2, 6, len(buys))
    of = np.repeat(np.arange(len(buys)), views)
    step = np.arange(len(of)) - np.searchsorted(of, of, "left")
    order = webshop.rows[buys][of]
    ends: Ints = world.utc(orders.day[order], orders.second[order])
    moment = ends - (views[of] - step) * rng.integers(20, 120, len(buys))[of]
    abandoned = (rng.random(len(buys)) < 0.5)[of]
    begins = world.end_instant - world.days * 86_400
    moment = np.where(abandoned, np.maximum(moment - 4 * 86_400, begins + step), moment).astype(np.int64)
    goods = catalogue()
    product = take(goods.product_no, rng.integers(0, len(goods.gross), len(of)))
    event = np.minimum(step, 2)
    customer = webshop.customer_of_order[buys][of]
    logged_in = (rng.random(len(buys)) < 0.6)[of]
    by_time = np.lexsort((np.arange(len(of)), moment))
    row = pa.array(by_time)
    return pa.table(
        {
            "ts": time_text(moment, _ISO),
            "visitor_id": join("v", number_text((customer.astype(np.int64) * 2654435761) % (1 << 40))),
            "email": keep(take(webshop.records["email"], customer), logged_in),
            "event": take(pa.array(["page_view", "product_view", "add_to_cart"]), event),
            "product_no": keep(product, step > 0),
            "url": where(step > 0, join("/produkt/", product), "/"),
        }
    ).take(row)
