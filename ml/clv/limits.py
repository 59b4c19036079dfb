"""Sentences on what limits the value figures of this data."""

from __future__ import annotations

from datetime import date

import numpy as np
from scipy import stats

from ml.clv.histories import Basis, PurchaseHistories

_CUT_OFF_DAYS = 28
_CUT_OFF_SHARE = 0.2


def limits(histories: PurchaseHistories, basis: Basis, begin: date | None, as_of: date) -> list[str]:
    """What a reader must know: no data, unknown margins, histories cut off, one customer, no independence."""
    if histories.size == 0 or begin is None:
        if histories.only_returns:
            return [
                f"All {histories.only_returns} customers only returned goods; nothing is expected of them."
            ]
        return [f"No customer bought anything before {as_of}, so there is no value to predict."]
    found = []
    if basis.name == "net_amount":
        found.append("The margin of most purchases is unknown: values are net amounts, not margins.")
    days = (as_of - begin).days
    early = float(np.greater(histories.T, days - _CUT_OFF_DAYS).mean())
    if days > 182 and early > _CUT_OFF_SHARE:
        found.append(
            f"{early:.0%} of the customers have their first purchase in the first four weeks of the data: "
            "the history seems cut off, so first purchases and tenures are unreliable."
        )
    once = float((histories.x == 0).mean())
    if once > 0.5:
        found.append(
            f"{once:.0%} of the customers bought once: nothing tells which of them are gone, so their "
            "probability to be alive is left empty."
        )
    total, top = float(histories.value.sum()), float(histories.value.max())
    if histories.size > 1 and total > 0 and top > 0.5 * total:
        found.append(
            f"One customer accounts for {top / total:.0%} of all value; sums depend on that customer."
        )
    found += _unlike_prices(histories)
    again = histories.x > 0
    if again.sum() >= 30 and np.ptp(histories.x[again]) > 0 and np.ptp(histories.mean_value[again]) > 0:
        rho = float(stats.spearmanr(histories.x[again], histories.mean_value[again]).statistic)
        if abs(rho) > 0.3:
            found.append(
                f"How often and how much customers buy are correlated (Spearman {rho:.2f}); gamma-gamma "
                "takes them as independent."
            )
    return found


def _unlike_prices(histories: PurchaseHistories) -> list[str]:
    """Values per purchase a hundred times the usual: often an amount in cents where euros are meant."""
    mean = histories.mean_value
    usual = float(np.median(mean[mean > 0])) if np.any(mean > 0) else 0.0
    unlike = int(np.sum(mean >= 100.0 * usual)) if usual > 0 else 0
    if not unlike or unlike > 0.05 * histories.size:
        return []
    return [
        f"{unlike} customers spend a hundred times the usual per purchase or more: check whether amounts "
        "were delivered in cents."
    ]
