"""The roster, a CSV file of users and phone numbers: how it is read, and what each column means."""
