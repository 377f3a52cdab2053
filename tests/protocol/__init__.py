"""What goes over the wire from clients: vectors, properties, and the real server's verdict."""
