"""A derived index over a log, to search it fast; rebuilt at will, and never trusted."""
