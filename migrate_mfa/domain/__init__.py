"""The pure core: what a number is, what a user's state is, what should happen to a row.

Standard library and phonenumbers only; no clock, no files, no network.
"""
