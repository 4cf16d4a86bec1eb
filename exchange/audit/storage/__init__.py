"""How records become durable: segments, group commit, recovery."""
