"""Frameworks over SDKs over HTTP clients: one call for each request that goes out, and for whoever it was made."""
