"""Keeping a log for years: archives, their way back, and retention."""
