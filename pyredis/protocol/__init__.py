"""The wire: requests parsed, replies encoded. Knows nothing of what they mean, nor of sockets."""
