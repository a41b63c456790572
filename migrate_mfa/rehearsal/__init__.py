"""A rehearsal: the simulator with a pool like the one that a plan has seen."""
