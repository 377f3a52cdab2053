"""Data structures: no clock, no sockets, no knowledge of commands."""
