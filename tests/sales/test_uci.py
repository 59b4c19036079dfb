"""The published figures of UCI Online Retail, through the whole product."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from stammkunde.home import PROJECT_ROOT

DATA = PROJECT_ROOT.parent / "shared" / "data" / "uci_online_retail" / "online_retail.parquet"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="../shared/data/uci_online_retail is not there")
def test_figures_of_uci_online_retail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("uci", PROJECT_ROOT / "benchmarks" / "uci_online_retail.py")
    assert spec and spec.loader
    uci = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "uci", uci)
    monkeypatch.setenv("STAMMKUNDE_WAREHOUSE", "")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    spec.loader.exec_module(uci)
    found, _ = uci.run(DATA, tmp_path)
    assert found == {"rows rejected": 0, **{name: value for name, (value, _) in uci.FIGURES.items()}}
