"""Steps 7 to 9: one stream from its first batch to its signed end."""
