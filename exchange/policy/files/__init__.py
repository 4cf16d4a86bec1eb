"""The stewards' files as they are read: one module for each kind of file."""
