"""Benchmarks of the method: time per evaluation, evaluations to a loss, memory.

`python -m benchmarks.engine` runs them.
"""
