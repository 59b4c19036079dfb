"""What speaks for and against a lead, in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml.data import FloatArray
from ml.leads.dataset import Leads
from ml.leads.models import SourceRate

_PRESENT = {
    "has_phone": ("left a phone number", "no phone number"),
    "has_company": ("named a company", "no company named"),
    "has_address": ("left an address", "no address"),
    "has_message": ("wrote a message", "no message"),
    "consent_email": ("agreed to e-mail", "has not agreed to e-mail"),
    "was_customer": ("was a customer before", "was no customer before"),
}


def describe(leads: Leads, names: list[str], terms: FloatArray, rates: SourceRate) -> pa.Array:
    """The two largest terms per lead, as `+ …` or `− …`; terms below 1 % of the largest are left out."""
    if not leads.size:
        return pa.array([], pa.string())
    size = np.round(np.abs(terms), 9)
    order = np.argsort(-size, axis=1, kind="stable")[:, :2]
    texts = _texts(leads, names, rates)
    smallest = 0.01 * float(size.max()) if size.size else 0.0
    parts = []
    for place in range(order.shape[1]):
        column = order[:, place]
        row = np.arange(leads.size)
        sign = np.where(terms[row, column] >= 0, "+ ", "− ").astype(object)
        parts.append(np.where(size[row, column] > smallest, sign + texts[row, column], ""))
    joined = parts[0]
    if len(parts) > 1:
        joined = joined + np.where((parts[0] != "") & (parts[1] != ""), "; ", "").astype(object) + parts[1]
    return pa.array(np.where(joined == "", "an average lead", joined), pa.string())


def _texts(leads: Leads, names: list[str], rates: SourceRate) -> np.ndarray:
    columns = []
    for name in names:
        if name == "source":
            told = {source: _source(source, rates) for source in set(leads.source)}
            columns.append(np.array([told[source] for source in leads.source], dtype=object))
        elif name == "campaign":
            columns.append(np.where(leads.campaign == "", "no campaign", "campaign " + leads.campaign))
        elif name == "interest_count":
            columns.append(np.array([f"{int(n)} interests named" for n in leads.interests], dtype=object))
        else:
            yes, no = _PRESENT[name]
            columns.append(np.where(leads.flag(name), yes, no))
    return np.column_stack([np.asarray(c, dtype=object) for c in columns])


def _source(source: str, rates: SourceRate) -> str:
    if not rates.rates:
        return f"source {source}"
    rate = rates.rates.get(source, rates.overall)
    return f"source {source} converts {100 * rate:.1f} % (all {100 * rates.overall:.1f} %)"
