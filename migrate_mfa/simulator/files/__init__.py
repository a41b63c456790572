"""The documents that people write for the simulator, and the pools it makes up."""
