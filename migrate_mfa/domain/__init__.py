"""The pure core: phone numbers, the state of a user, and the decision about a row.

Uses only the standard library and phonenumbers: no clock, no files, no network.
"""
