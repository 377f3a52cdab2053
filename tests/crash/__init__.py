"""A server that is killed at random moments while clients write: what was acknowledged has to be there."""
