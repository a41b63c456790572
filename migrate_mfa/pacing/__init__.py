"""The pace of calls: a limiter for each quota, adaptation to throttles, retries, the paced user pool."""
