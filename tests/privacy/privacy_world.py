"""People of whom one asks to be erased. Anna has a home telephone with Bert, an address of her own, a card.

Sources are read by the real ingestion; the warehouse holds what identity and marts would make of them.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from ingestion.raw import register_raw
from ingestion.run import ingest
from privacy.key import Key
from stammkunde.config import Config, load_config
from stammkunde.home import Home
from stammkunde.publish import publish

AS_OF = date(2026, 11, 1)
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANNA, BERT = "c_aaaaaaaaaaaaaaaa", "c_bbbbbbbbbbbbbbbb"
SOURCES = ("shop", "branch", "leads", "touchpoints")
# What nobody but Anna has, as sources and models write it.
SECRETS = ("anna.adler@example.org", "0171 2345678", "+491712345678", "491712345678")
NAME, STREET, POSTAL_CODE = "Adler", "Amselweg", "80331"

LOYALTY = """member_no;card_no;first_name;last_name;birth_date;email;phone;street;postal_code;city;country;\
store_id;issued_at;updated_at;consent_email;consent_post;consent_phone
M1;C-0001;Anna;Adler;1980-01-02;Anna.Adler@example.org;089 111222;Amselweg 5;80331;München;DE;S1;\
2020-01-01;2020-01-01;ja;ja;nein
M2;C-0002;Bert;Biber;1979-01-02;bert.biber@example.org;089 111222;Biberweg 7;80333;München;DE;S1;\
2020-01-01;2020-01-01;ja;ja;nein
"""
LEADS = [
    {"lead_id": "L1", "captured_at": "2024-01-01T10:00:00Z", "source": "form", "first_name": "Anna",
     "last_name": "Adler", "email": "anna.adler@example.org", "phone": "0171 2345678",
     "consent": {"email": True, "double_opt_in_at": "2024-01-01T10:05:00Z", "ip_hash": "ab12"}},
    {"lead_id": "L2", "captured_at": "2024-02-01T10:00:00Z", "source": "form", "first_name": "Bert",
     "last_name": "Biber", "email": "bert.biber@example.org", "referred_by": "anna.adler@example.org"},
    # Broken: goes to quarantine whole.
    {"lead_id": "L3", "captured_at": "soon", "source": "form", "email": "anna.adler@example.org"},
    {"lead_id": "L4", "captured_at": "never", "source": "form", "email": "carla@example.org"},
]  # fmt: skip
MAILS = [
    {"event": "open", "email": "anna.adler@example.org", "campaign_id": "1", "ts": "2024-03-01T10:00:00Z"},
    {"event": "open", "email": "bert.biber@example.org", "campaign_id": "1", "ts": "2024-03-01T10:00:00Z"},
]
WEB = [
    {"ts": "2024-03-01T10:00:00Z", "visitor_id": "v1", "email": "anna.adler@example.org", "event": "view"},
    {"ts": "2024-03-02T10:00:00Z", "visitor_id": "v1", "event": "view", "url": "/shoes"},
    {"ts": "2024-03-02T10:00:00Z", "visitor_id": "v2", "event": "view", "url": "/hats"},
]
TICKETS = """ticket_id;opened_at;closed_at;channel;email;phone;customer_ref;topic;is_complaint;satisfaction
T1;2024-04-01 10:00;;phone;;0171-2345678;;delivery;nein;
T2;2024-04-01 10:00;;phone;;;4711;delivery;nein;
T3;2024-04-01 10:00;;phone;;089 111222;;delivery;nein;
"""


@dataclass(frozen=True)
class World:
    """The home and its sources."""

    home: Home
    config: Config
    key: Key
    files: Path

    def ingest(self, full: bool = False) -> None:
        for source in SOURCES:
            ingest(source, self.config, self.home, AS_OF, full=full)

    def raw(self, sql: str) -> list[tuple]:
        with duckdb.connect() as connection:
            register_raw(connection, self.home)
            return connection.execute(sql).fetchall()


def write_sources(files: Path) -> None:
    for folder in ("loyalty", "leads", "touchpoints"):
        (files / folder).mkdir(parents=True, exist_ok=True)
    (files / "loyalty" / "members.csv").write_text(LOYALTY, encoding="utf-8")
    for name, rows in (("leads/l.jsonl", LEADS), ("touchpoints/mail_events.jsonl", MAILS),
                       ("touchpoints/web_events.jsonl", WEB)):  # fmt: skip
        (files / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (files / "touchpoints" / "tickets.csv").write_text(TICKETS, encoding="utf-8")
    with sqlite3.connect(files / "erp.db") as erp:
        erp.executescript(
            """
            create table customer (customer_no text, kind text, first_name text, last_name text, street text,
                house_no text, postal_code text, email text, phone text, created_at text, updated_at text);
            insert into customer values
                ('4711', 'person', 'Anna', 'Adler', 'Amselweg', '5', '80331', null, '+49 171 2345678',
                 '2021-01-01 00:00:00', '2021-01-01 00:00:00'),
                ('4712', 'person', 'Bert', 'Biber', 'Biberweg', '7', '80333', null, '089/111222',
                 '2021-01-01 00:00:00', '2021-01-01 00:00:00');
            create table product (product_no text);
            create table sales_order (order_no text, customer_no text, branch_id text, sales_rep_id text,
                ordered_at text, status text, updated_at text);
            insert into sales_order values
                ('O1', '4711', 'B1', null, '2022-01-01 00:00:00', 'done', '2022-01-01 00:00:00'),
                ('O2', '4712', 'B1', null, '2022-01-01 00:00:00', 'done', '2022-01-01 00:00:00');
            create table sales_order_line (order_no text, line_no integer, product_no text, quantity real,
                net_amount real, tax_amount real, discount_amount real, unit_cost real);
            insert into sales_order_line values
                ('O1', 1, 'P', 1, 10, 2, 0, 5), ('O2', 1, 'P', 1, 20, 4, 0, 5);
            """
        )


def build_world(root: Path) -> World:
    files = root / "sources"
    write_sources(files)
    config = root / "stammkunde.yml"
    config.write_text(
        "company: {name: Test GmbH, country: DE, timezone: Europe/Berlin, currency: EUR}\n"
        f"sources:\n  shop: {{loyalty: {files}/loyalty}}\n  branch: {{url: 'sqlite:///{files}/erp.db'}}\n"
        f"  leads: {{path: {files}/leads}}\n  touchpoints: {{path: {files}/touchpoints}}\n",
        encoding="utf-8",
    )
    home = Home(root / "home").create()
    world = World(home, load_config(config), Key.of(home, {}), files)
    world.ingest()
    _make_warehouse(home)
    publish(home.warehouse, home, AS_OF)
    home.decisions.write_text(
        '{"decision_id": "d1", "record_id_a": "branch:4711", "record_id_b": "shop:M1"}\n'
        '{"decision_id": "d2", "record_id_a": "branch:4712", "record_id_b": "shop:M2"}\n'
    )
    home.corrections.write_text(
        f'{{"customer_id": "{ANNA}", "record_id": "shop:M1", '
        '"values": {"email": "anna.adler@example.org"}}\n'
    )
    (home.logs / "run.log").write_text("mail to ANNA.adler@example.org failed\n")
    (home.root / "last_build.json").write_text("{}")
    return world


def _make_warehouse(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        register_raw(connection, home)
        connection.execute(
            f"""
            create schema identity; create schema golden; create schema marts; create schema staging;
            create table identity.identity_assignment as select * from (values
                ('shop:M1', '{ANNA}'), ('branch:4711', '{ANNA}'), ('leads:L1', '{ANNA}'),
                ('shop:M2', '{BERT}'), ('branch:4712', '{BERT}'), ('leads:L2', '{BERT}')
            ) as assigned(record_id, customer_id);
            create table identity.customer_id_event as
            select row_number() over () as event_no, 'created' as event, customer_id,
                null::varchar as previous_customer_id, timestamp '2026-01-01' as happened_at,
                'new_record' as cause, null::varchar as reason
            from (select distinct customer_id from identity.identity_assignment order by 1);
            create table identity.customer_id_successor (previous_customer_id varchar, customer_id varchar,
                ended_at timestamp);
            create table identity.int_records_normalised as select * from (values
                ('branch:4711', 'anna.adler@example.org', '+491712345678'),
                ('branch:4712', null, '+4989111222')
            ) as records(record_id, email_key, phone_key);
            create table staging.stg_branch__customers as select * from raw.branch__customer;
            create table staging.stg_branch__orders as select * from raw.branch__sales_order;
            create table golden.int_contact_keys as select * from (values
                ('email', 'anna.adler@example.org', '{ANNA}'), ('email', 'bert.biber@example.org', '{BERT}')
            ) as keys(key_type, key_value, customer_id);
            create table marts.customer as select * from (values
                ('{ANNA}', 'Anna', 'Adler', 'anna.adler@example.org', '+491712345678', 'Amselweg', '80331',
                 date '1980-01-02'),
                ('{BERT}', 'Bert', 'Biber', 'bert.biber@example.org', '+4989111222', 'Biberweg', '80333',
                 null)
            ) as customers(customer_id, first_name, last_name, email, phone, street, postal_code, birth_date);
            create view marts.customer_360 as select *, true as is_customer, false as is_junk,
                null as salutation, null as title, null as company_name, null as city, null as country,
                'active' as lifecycle_stage, 'champions' as segment, 'A' as value_class from marts.customer;
            create table marts.consent as select customer_id, 'email' as channel, 'marketing' as purpose,
                'granted' as status from marts.customer;
            create table marts.sale as select * from (values
                ('s1', '{ANNA}', '4711', 10), ('s2', '{BERT}', '4712', 20)
            ) as sales(sale_id, customer_id, customer_reference, net_amount);
            create table marts.household as select 'h1' as household_id, 'Biber' as last_name,
                ['{ANNA}', '{BERT}'] as member_customer_ids;
            create table marts.referral as select 'L2' as lead_id, '{BERT}' as customer_id,
                'anna.adler@example.org' as referred_by, '{ANNA}' as referrer_customer_id;
            create table marts.customer_id_history as select event, customer_id, previous_customer_id,
                happened_at, cause, reason from identity.customer_id_event;
            """
        )
