"""Training that changes little when one example does."""
