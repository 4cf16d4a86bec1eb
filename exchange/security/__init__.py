"""Who speaks, and how it is proven: certificates, mutual TLS, tickets, signed statements."""
