"""Runs one verb over many accounts, Regions and pools: the fleet file, the supervisors, the engines."""
