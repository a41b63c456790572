"""One verb over many accounts, Regions and pools: the file, the supervisors, and who places them."""
