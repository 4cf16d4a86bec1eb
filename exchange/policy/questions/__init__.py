"""What a steward asks of a policy: why, who, what, and who gains or loses by a change; always by `decide`."""
