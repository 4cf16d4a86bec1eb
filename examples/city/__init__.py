"""A small real city: six departments, three of which share records of the year 2013."""
