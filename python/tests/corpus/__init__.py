"""Recorded traffic of real services, replayed under the names of the hosts that it came from."""
