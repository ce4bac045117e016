"""Reports: a ledger in, text for people or machines out."""
