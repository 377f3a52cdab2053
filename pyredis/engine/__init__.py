"""The server without sockets: its state, and what a command handler sees of it."""
