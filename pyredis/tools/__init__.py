"""The subcommands of `pyredis` that start no server. Interpreted in every form; click is imported only here."""
