"""`exchange policy check`: every way in which policy files fail open or never match, all at once."""
