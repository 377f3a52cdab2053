"""Measurements of pyredis beside the real Redis and other peers."""
