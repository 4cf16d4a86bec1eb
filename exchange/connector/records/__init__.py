"""What the connector remembers and says, durable before anything relies on it."""
