"""Keeping data beyond the process: snapshots in Redis's RDB format, and the payloads of DUMP."""
