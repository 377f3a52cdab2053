"""What a monitoring system reads over HTTP: one engine's numbers as text, and the little of HTTP that takes."""
