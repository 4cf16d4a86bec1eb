"""Evidence: records of one access with everything that proves them, in one file for a machine without us."""
