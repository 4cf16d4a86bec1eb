"""Model to message and back, error to status and back; the only importer of the generated contract."""
