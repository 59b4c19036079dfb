"""Reverse ETL: what leaves the product, from the published database, through the consent gate."""
