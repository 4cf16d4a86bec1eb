"""The built-in certificate authority: what it issues, to whom, and what it refuses."""
