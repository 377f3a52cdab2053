"""The whole server as a process, over real sockets: what only the operating system can show."""
