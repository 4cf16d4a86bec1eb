"""Reading a log to judge it: its parts, one stretch after the other, or several at once in processes."""
