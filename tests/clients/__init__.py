"""Unmodified clients and frameworks, from their packages, at real work on a running server."""
