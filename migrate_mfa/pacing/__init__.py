"""How fast: each quota's limiter, what throttles teach it, retries, the user pool that obeys."""
