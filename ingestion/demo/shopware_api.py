"""The demo retailer's webshop: a server that answers as the Admin API of a Shopware 6 shop does.

`create_app` is the ASGI application; `python -m ingestion.demo.shopware_api --data FOLDER --port PORT` serves
it on 127.0.0.1 with the credentials that stand in WEBSHOP_ID and WEBSHOP_SECRET. The data are Parquet files
with the columns of the webshop contract. The parts are in `ingestion/demo/shopware/`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from starlette.applications import Starlette

from ingestion.demo.shopware.app import build_app

ID_VARIABLE, SECRET_VARIABLE = "WEBSHOP_ID", "WEBSHOP_SECRET"


def create_app(
    data_directory: Path, client_id: str, client_secret: str, token_seconds: int = 600
) -> Starlette:
    """The shop on `customers.parquet, orders.parquet, order_lines.parquet, products.parquet`.

    A token lives for `token_seconds`. Raises FileNotFoundError for a missing file.
    """
    return build_app(data_directory, client_id, client_secret, token_seconds)


def main(arguments: list[str] | None = None) -> int:
    """Serves until it is stopped; returns 2 when the credentials or the data are missing."""
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m ingestion.demo.shopware_api", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four Parquet files")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token-seconds", type=int, default=600)
    options = parser.parse_args(arguments)
    client_id, secret = os.environ.get(ID_VARIABLE), os.environ.get(SECRET_VARIABLE)
    if not client_id or not secret:
        print(f"{ID_VARIABLE} and {SECRET_VARIABLE} have to be set in the environment", file=sys.stderr)
        return 2
    try:
        app = create_app(options.data, client_id, secret, options.token_seconds)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    # Answers are many small objects that die at once: collecting them often costs a third of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
