"""The suites as code: which expectations hold for which table, per border."""
