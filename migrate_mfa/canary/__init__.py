"""canary: enrol one user by hand, test the sign-in, and undo it."""
