"""Properties that need no other server: the same commands, taken another way, must lead to the same place."""
