"""What the broker remembers, in SQLite: registrations, tickets, limits spent, revisions, statements."""
