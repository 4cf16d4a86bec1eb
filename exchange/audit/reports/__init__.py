"""What an index of the log tells about a period: usage, reports, and what in them is unusual."""
