"""How users are read and written. Everything outside is reached through `ports`."""
