"""Tolerant readers of files: each turns one file into the messages of `ingestion.extract`.

Belongs here: finding files, encodings, CSV, JSON lines and vCards, for any table of the contracts.
Does not belong here: which files a source has (`ingestion/sources/`), types of values (landing).
"""
