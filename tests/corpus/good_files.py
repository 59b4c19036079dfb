"""A good file of every format, with keys of its own, as bytes: what the corpus and the fuzzer damage.

`tag` makes the keys of a file unlike those of every other, so that files of one folder do not replace each
other.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

ROWS = 12


@dataclass(frozen=True)
class Format:
    """A kind of file: where it goes and what a good one holds. `rows` are its records over all tables."""

    name: str
    source: str
    folder: str
    file_name: Callable[[str], str]
    content: Callable[[str], bytes]
    kind: Literal["csv", "jsonl", "vcard", "zip", "parquet"]
    rows: int = ROWS


def _csv(header: str, line: Callable[[str, int], str], newline: str = "\r\n") -> Callable[[str], bytes]:
    def content(tag: str) -> bytes:
        return newline.join([header, *(line(tag, i) for i in range(ROWS)), ""]).encode()

    return content


def _jsonl(record: Callable[[str, int], dict]) -> Callable[[str], bytes]:
    return lambda tag: "".join(
        json.dumps(record(tag, i), ensure_ascii=False) + "\n" for i in range(ROWS)
    ).encode()


_loyalty = _csv(
    "member_no;card_no;first_name;last_name;birth_date;email;phone;street;postal_code;city;"
    "updated_at;consent_email",
    lambda t, i: (
        f"M{t}{i};K{t}{i};Jörg;Müßig;{i + 1:02}.05.1980;m{t}{i}@example.org;0301234{i};Weg {i};10115;Köln;"
        f"01.02.2025;{'ja' if i % 2 else 'nein'}"
    ),
)
_leads = _csv(
    "lead_id,captured_at,source,first_name,last_name,email,message",
    lambda t, i: (
        f'C{t}{i},2025-03-{i + 1:02}T10:00:00Z,form,Zoë,"Groß, Dr.",l{t}{i}@example.org,"sagt ""ja"""'
    ),
    "\n",
)
_lead_lines = _jsonl(
    lambda t, i: {
        "lead_id": f"J{t}{i}", "captured_at": f"2025-03-{i + 1:02}T10:00:00+01:00", "source": "form",
        "name": "Zoë Groß", "email": f"j{t}{i}@example.org", "interests": ["Rosen", "Zaun"],
        "consent": {"email": True, "text_version": "v1"},
    }
)  # fmt: skip
_mails = _jsonl(
    lambda t, i: {
        "event": "open", "email": f"e{t}{i}@example.org", "campaign_id": "K1", "campaign_name": "Frühling",
        "ts": f"2025-03-{i + 1:02}T10:00:00Z",
    }
)  # fmt: skip
_web = _jsonl(
    lambda t, i: {
        "ts": f"2025-03-{i + 1:02}T10:00:00Z", "visitor_id": f"v{t}{i}", "event": "view", "product_no": "P1",
    }
)  # fmt: skip
_tickets = _csv(
    "ticket_id;opened_at;closed_at;channel;email;topic;is_complaint",
    lambda t, i: f"T{t}{i};2025-03-{i + 1:02}T10:00:00Z;;phone;t{t}{i}@example.org;Größe;nein",
)
_surveys = _csv(
    "survey_id,answered_at,email,question,score,comment",
    lambda t, i: f"S{t}{i},2025-03-{i + 1:02}T10:00:00Z,s{t}{i}@example.org,nps,{i % 11},schön",
)
_customers = _csv(
    "customer_id,email,first_name,last_name,company,street,postal_code,city,is_guest,created_at,updated_at",
    lambda t, i: (
        f"W{t}{i},w{t}{i}@example.org,Jörg,Müßig,,Weg {i},10115,Köln,false,2025-01-01T00:00:00Z,"
        "2025-02-01T00:00:00Z"
    ),
)
_orders = _csv(
    "order_id,customer_id,ordered_at,status,currency,updated_at",
    lambda t, i: f"O{t}{i},W{i},2025-03-{i + 1:02}T10:00:00Z,done,EUR,2025-04-01T00:00:00Z",
)
_order_lines = _csv(
    "order_id,line_no,product_no,product_name,category,quantity,net_amount,tax_amount,"
    "discount_amount,unit_cost",
    lambda t, i: f"O{t}{i},1,P1,Käse,Food,2,10.00,1.90,0,5",
)


def _cards(tag: str) -> bytes:
    return "".join(
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{tag}{i}\r\nN:Groß;Zoë;;;\r\nFN:Zoë Groß\r\nORG:Gärtner {i}\r\n"
        f"EMAIL:v{tag}{i}@example.org\r\nEND:VCARD\r\n"
        for i in range(ROWS)
    ).encode()


def till_members(tag: str) -> dict[str, bytes]:
    """The CSV files of a DSFinV-K export: four receipts with a line each and its VAT."""
    key = "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;BON_ID"
    start = f"K{tag};2024-03-01T20:00:00;1"
    heads = f"{key};BON_NR;BON_TYP;BON_STORNO;BON_START;BON_ENDE;UMS_BRUTTO;KUNDE_ID\r\n" + "".join(
        f"{start};b{i};{i};Beleg;0;2024-03-01T10:00:00;2024-03-01T10:01:00;1.234,56;C-7\r\n" for i in range(4)
    )
    lines = f"{key};POS_ZEILE;ARTIKELTEXT;GV_TYP;P_STORNO;ART_NR;MENGE;FAKTOR;EINHEIT;STK_BR\r\n" + "".join(
        f"{start};b{i};1;Käse;Umsatz;0;A1;1,000;1,000;Stück;1.234,56\r\n" for i in range(4)
    )
    vat = f"{key};POS_ZEILE;UST_SCHLUESSEL;POS_BRUTTO;POS_NETTO;POS_UST\r\n" + "".join(
        f"{start};b{i};1;1;1.234,56000;1.037,44538;197,11462\r\n" for i in range(4)
    )
    return {"transactions.csv": heads.encode(), "lines.csv": lines.encode(), "lines_vat.csv": vat.encode()}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members, always the same bytes for the same content."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=(2024, 3, 1, 20, 0, 0))
            info.compress_type = method
            archive.writestr(info, data)
    return target.getvalue()


def _parquet(tag: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "order_id": [f"Q{tag}{i}" for i in range(ROWS)],
            "customer_id": [f"W{i}" for i in range(ROWS)],
            "ordered_at": [f"2025-03-{i + 1:02}T10:00:00Z" for i in range(ROWS)],
            "status": ["done"] * ROWS,
            "currency": ["EUR"] * ROWS,
            "updated_at": ["2025-04-01T00:00:00Z"] * ROWS,
        }
    )
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


FORMATS = (
    Format("loyalty", "shop", "loyalty", lambda t: f"{t}.csv", _loyalty, "csv"),
    Format("leads_csv", "leads", "leads", lambda t: f"{t}.csv", _leads, "csv"),
    Format("leads_jsonl", "leads", "leads", lambda t: f"{t}.jsonl", _lead_lines, "jsonl"),
    Format("vcard", "leads", "leads", lambda t: f"{t}.vcf", _cards, "vcard"),
    Format("mail_events", "touchpoints", "touchpoints", lambda t: f"mail_events_{t}.jsonl", _mails, "jsonl"),
    Format("web_events", "touchpoints", "touchpoints", lambda t: f"web_events_{t}.jsonl", _web, "jsonl"),
    Format("tickets", "touchpoints", "touchpoints", lambda t: f"tickets_{t}.csv", _tickets, "csv"),
    Format("surveys", "touchpoints", "touchpoints", lambda t: f"surveys_{t}.csv", _surveys, "csv"),
    Format("customers", "webshop", "webshop", lambda t: f"customers_{t}.csv", _customers, "csv"),
    Format("orders", "webshop", "webshop", lambda t: f"orders_{t}.csv", _orders, "csv"),
    Format("order_lines", "webshop", "webshop", lambda t: f"order_lines_{t}.csv", _order_lines, "csv"),
    Format("orders_parquet", "webshop", "webshop", lambda t: f"orders-{t}.parquet", _parquet, "parquet"),
    Format("dsfinvk", "shop", "tills", lambda t: f"{t}.zip", lambda t: zipped(till_members(t)), "zip", 12),
)
