"""Squidie's DynamoDB storage: empty so far, nothing can be imported from it yet."""
