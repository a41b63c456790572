"""How users are read and written; everything outside comes in through `ports`."""
