"""AWS: credentials and configuration, clients, the admin API of one user pool.

boto3 is here, and in files called `aws_*`.
"""
