"""The `auditlog` source: the exchange's own audit log as one table, read from its index."""

from connectors.auditlog.source import AuditlogSource

__all__ = ["AuditlogSource"]
