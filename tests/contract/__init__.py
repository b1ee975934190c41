"""Contracts of the ports, run against every adapter.
The tests are a package, so that their servers stop after the last of them."""
