"""Benchmarks of the web service: requests, events and jobs without painting.

`python -m benchmarks.service` runs them.
"""
