"""One user first: the whole way, by hand, with a way back."""
