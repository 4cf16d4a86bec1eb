"""Generated from protos/exchange/v1 by protos/generate.py; do not edit."""
