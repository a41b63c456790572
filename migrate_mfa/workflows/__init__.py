"""The work of each command between its options and its report."""
