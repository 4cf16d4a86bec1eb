"""The nouns of the exchange: frozen, without I/O, known to every other package."""
