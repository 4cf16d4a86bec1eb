"""Source plug-ins: one folder each, loaded by the entry point that a configuration names."""
