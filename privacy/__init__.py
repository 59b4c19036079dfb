"""Rights of the people in the data: erasure that lasts, disclosure, retention, pseudonyms."""
