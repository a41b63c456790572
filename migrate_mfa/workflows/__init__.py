"""What one verb does between its options and its report."""
