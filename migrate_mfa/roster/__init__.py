"""The CSV of users and phone numbers: how it is read, and which column means what."""
