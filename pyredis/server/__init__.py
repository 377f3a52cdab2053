"""Dispatch on the outside: sessions, transports, background work and start-up."""
