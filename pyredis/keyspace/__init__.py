"""Databases, expiry and scanning: what is stored, not who asks for it."""
