"""How fast: the limiter of each quota, what it learns from throttles, retries, the user pool that obeys them."""
