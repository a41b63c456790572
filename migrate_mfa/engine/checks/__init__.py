"""The rules of `check`, one module a subject: facts in, findings out, nothing else."""
