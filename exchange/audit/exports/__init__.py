"""Records of a log in forms that other programs read: JSON Lines, Parquet, OCSF."""
