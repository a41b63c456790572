"""A run directory in a bucket: the lease of its command, and the journal as base and segments.

The bucket is authoritative; the local files are a working copy. Nothing is written to a user before S3 has
acknowledged the segment that records it.
"""
