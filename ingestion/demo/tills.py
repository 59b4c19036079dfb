"""The shop tills: one DSFinV-K zip per till and month, with one closing for each open day.

Besides sales and returns it writes what tills know: discounts as their own lines, deposits, vouchers sold,
reversed lines and receipts, training receipts, aborted receipts, cash taken to the bank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingestion.demo import dsfinvk, tills_text
from ingestion.demo.baskets import Amounts
from ingestion.demo.catalogue import Places, catalogue
from ingestion.demo.loyalty import Loyalty
from ingestion.demo.purchases import SHOP, Orders
from ingestion.demo.world import Flags, Ints, World

BELEG, TRAINING, ABORT = 0, 1, 2
UMSATZ, RABATT, PFAND, PFAND_BACK, VOUCHER, TRANSIT = range(6)
VAT_KEY_NONE = 5
_CLOSES_AT = 20 * 3600


@dataclass(frozen=True)
class Receipts:
    """Receipts of one till and month, in time order; columns as arrays."""

    order: Ints
    """Order whose lines the receipt has, -1 for cash taken to the bank."""
    day: Ints
    second: Ints
    kind: Ints
    sign: Ints
    storno: Flags
    reverses: Ints
    """Row of the receipt that this one reverses, else -1."""
    with_card: Flags
    number: Ints


@dataclass(frozen=True)
class ReceiptLines:
    """Lines of the receipts; money in cents, gross."""

    receipt: Ints
    position: Ints
    kind: Ints
    product: Ints
    quantity: Ints
    unit: Ints
    gross: Ints
    vat_key: Ints
    storno: Flags

    @property
    def net(self) -> Ints:
        rate = np.array([0, 19, 7, 0, 0, 0])[self.vat_key]
        return Amounts.net_of(self.gross, rate)


def write_tills(
    world: World,
    orders: Orders,
    loyalty: Loyalty,
    places: Places,
    folder: Path,
    progress: Callable[[str], None],
) -> int:
    """Writes the zips; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    index = dsfinvk.index_xml()
    month_of_day = world.dates.astype("datetime64[M]")

    def write(part: tuple[int, np.datetime64, Ints]) -> None:
        till, month, rows = part
        receipts = _receipts(world, orders, till, month, rows)
        lines = _lines(world, orders, receipts, till, month)
        contents = tills_text.files(world, loyalty, orders, places, till, receipts, lines)
        name = f"dsfinvk_K{till + 1:03d}_{str(month).replace('-', '_')}.zip"
        (folder / name).write_bytes(dsfinvk.pack({"index.xml": index, **contents}))

    parts = list(_parts(orders, places, month_of_day))
    # Compression and Arrow release the interpreter, so two threads use two cores.
    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(write, parts), 1):
            if done % 200 == 0:
                progress(f"tills: {done:,} of {len(parts):,} exports")
    _truncated_copy(folder)
    return len(parts)


def _parts(
    orders: Orders, places: Places, month_of_day: np.ndarray
) -> Iterator[tuple[int, np.datetime64, Ints]]:
    rows = np.flatnonzero(orders.channel == SHOP)
    if not len(rows):
        return
    till = orders.place[rows] * places.tills_per_store + rows % places.tills_per_store
    month = month_of_day[orders.day[rows]]
    order = np.lexsort((rows, month, till))
    rows, till, month = rows[order], till[order], month[order]
    starts = np.flatnonzero(np.r_[True, (till[1:] != till[:-1]) | (month[1:] != month[:-1])])
    for low, high in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield int(till[low]), month[low], rows[low:high]


def _truncated_copy(folder: Path) -> None:
    """A copy of one export that broke off in transfer: to be refused, and nothing is lost by it."""
    exports = sorted(folder.glob("dsfinvk_*.zip"))
    if exports:
        content = exports[len(exports) // 2].read_bytes()
        (folder / "uebertragung_abgebrochen.zip").write_bytes(content[: len(content) * 2 // 3])


def _receipts(world: World, orders: Orders, till: int, month: np.datetime64, rows: Ints) -> Receipts:
    rng = world.rng("tills", till, str(month))
    n = len(rows)
    days = np.unique(orders.day[rows])
    reversed_ = np.flatnonzero((rng.random(n) < 0.004) & (orders.returns[rows] < 0))
    aborted = np.flatnonzero(rng.random(n) < 0.003)
    training = rng.choice(n, min(n, 1 + int(rng.integers(0, 2))), replace=False)
    transit_days = days[::6]
    extra = np.concatenate([reversed_, aborted, training])
    zero, one = np.zeros(len(transit_days), dtype=np.int64), np.ones(len(transit_days), dtype=np.int64)
    order = np.concatenate([rows, rows[extra], zero - 1])
    day = np.concatenate([orders.day[rows], orders.day[rows[extra]], transit_days])
    later = np.concatenate([np.full(len(reversed_), 150), np.full(len(aborted) + len(training), -70)])
    second = np.concatenate(
        [orders.second[rows], orders.second[rows[extra]] + later, one * (_CLOSES_AT - 600)]
    )
    second = np.minimum(second, _CLOSES_AT - 60)
    kinds = np.concatenate(
        [
            np.full(n + len(reversed_), BELEG),
            np.full(len(aborted), ABORT),
            np.full(len(training), TRAINING),
            zero + BELEG,
        ]
    )
    storno = np.zeros(len(order), dtype=bool)
    storno[n : n + len(reversed_)] = True
    reverses = np.full(len(order), -1)
    reverses[n : n + len(reversed_)] = reversed_
    card = rng.random(len(order)) >= world.rates.card_forgotten
    card[n : n + len(reversed_)] = card[reversed_]
    by_time = np.lexsort((np.arange(len(order)), second, day))
    rank = np.empty(len(order), dtype=np.int64)
    rank[by_time] = np.arange(len(order))
    day = day[by_time]
    first_of_day = np.searchsorted(day, day, "left")
    reverses = reverses[by_time]
    return Receipts(
        order=order[by_time],
        day=day,
        second=second[by_time],
        kind=kinds[by_time],
        sign=np.where(storno, -1, 1)[by_time],
        storno=storno[by_time],
        reverses=np.where(reverses >= 0, rank[np.maximum(reverses, 0)], -1),
        with_card=card[by_time] & (kinds[by_time] == BELEG),
        number=np.arange(len(day)) - first_of_day + 1,
    )


def _lines(world: World, orders: Orders, receipts: Receipts, till: int, month: np.datetime64) -> ReceiptLines:
    """Articles with their discounts and deposits, then vouchers and reversed lines; numbered per receipt."""
    rng = world.rng("till lines", till, str(month))
    goods = catalogue()
    real = np.flatnonzero(receipts.order >= 0)
    index, owner = orders.lines.of(receipts.order[real])
    receipt = real[owner]
    sign = receipts.sign[receipt]
    money = orders.lines.amounts(index)
    product = orders.lines.product[index].astype(np.int64)
    quantity = orders.lines.quantity[index].astype(np.int64) * sign
    vat_key = np.where(money.vat == 7, 2, 1)
    place = np.arange(len(index)) * 4
    blocks = [_block(receipt, place, UMSATZ, product, quantity, goods.gross[product], vat_key)]

    cut = np.flatnonzero(money.discount != 0)
    discount = money.discount[cut] * sign[cut]
    blocks.append(
        _block(
            receipt[cut],
            place[cut] + 1,
            RABATT,
            product[cut],
            -np.sign(discount),
            np.abs(discount),
            vat_key[cut],
        )
    )
    pfand = np.flatnonzero(goods.deposit[product] > 0)
    back = np.where(quantity[pfand] > 0, PFAND, PFAND_BACK)
    blocks.append(
        _block(receipt[pfand], place[pfand] + 2, back, product[pfand], quantity[pfand],
               goods.deposit[product[pfand]], vat_key[pfand])
    )  # fmt: skip
    plain = real[(receipts.kind[real] == BELEG) & ~receipts.storno[real]]
    plain = plain[~np.isin(plain, receipts.reverses)]
    end = 4 * len(index)
    sold = plain[rng.random(len(plain)) < 0.006]
    value = rng.choice(np.array([1000, 2500, 5000]), len(sold))
    blocks.append(
        _block(sold, end + sold * 0, VOUCHER, sold * 0 - 1, sold * 0 + 1, value, sold * 0 + VAT_KEY_NONE)
    )
    # A wrong article is rung up and taken back at once.
    wrong = plain[rng.random(len(plain)) < 0.008]
    article = rng.integers(0, len(goods.gross), len(wrong))
    key = np.where(goods.vat[article] == 7, 2, 1)
    for step, quantity_of in ((1, 1), (2, -1)):
        blocks.append(
            _block(wrong, end + step + wrong * 0, UMSATZ, article, wrong * 0 + quantity_of,
                   goods.gross[article], key, storno=step == 2)
        )  # fmt: skip
    bank = np.flatnonzero(receipts.order < 0)
    taken = rng.integers(3, 30, len(bank)) * 5000
    blocks.append(_block(bank, bank * 0, TRANSIT, bank * 0 - 1, bank * 0 - 1, taken, bank * 0 + VAT_KEY_NONE))

    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    by_place = np.lexsort((columns[1], columns[0]))
    receipt, _, kind, product, quantity, unit, vat_key, storno = (c[by_place] for c in columns)
    position = np.arange(len(receipt)) - np.searchsorted(receipt, receipt, "left") + 1
    return ReceiptLines(
        receipt, position, kind, product, quantity, unit, quantity * unit, vat_key, storno.astype(bool)
    )


def _block(
    receipt: Ints, place: Ints, kind: Ints | int, product: Ints, quantity: Ints, unit: Ints, vat_key: Ints,
    *, storno: bool = False,
) -> tuple[Ints, ...]:  # fmt: skip
    n = len(receipt)
    return (
        receipt, place, np.broadcast_to(kind, n), product, quantity, unit, vat_key,
        np.full(n, int(storno)),
    )  # fmt: skip
