"""The connector's calls to its broker: registration, keys, time, receipts (step 10)."""
