"""A rehearsal: the simulator with a pool like that of a plan."""
