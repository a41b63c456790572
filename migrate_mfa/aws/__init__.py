"""AWS: credentials and configuration, clients, the admin API of one user pool.

Only this package and files called `aws_*` import boto3.
"""
