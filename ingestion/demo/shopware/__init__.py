"""The Shopware-compatible Admin API of the demo retailer; `ingestion.demo.shopware_api` is its door."""
