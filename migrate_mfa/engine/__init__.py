"""The use cases and their pacing; everything outside comes in through `ports`."""
