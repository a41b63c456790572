"""A run directory in a bucket: the lease that says who works on it, and the journal as base and segments.

The truth is in the bucket; the files are a working copy. Nothing is written to a user before the segment
that records it is acknowledged.
"""
