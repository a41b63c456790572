"""AWS: credentials and configuration, clients, one user pool's admin API. boto3 is here and in files called `aws_*`."""
