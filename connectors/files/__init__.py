"""The `files` source: Parquet, CSV, JSON lines and Arrow IPC below one folder."""

from connectors.files.source import FilesSource

__all__ = ["FilesSource"]
