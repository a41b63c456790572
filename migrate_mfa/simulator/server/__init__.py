"""From bytes to a reply: HTTP, quotas, faults, the ledger, control."""
