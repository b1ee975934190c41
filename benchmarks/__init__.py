"""Costs of nst, measured beside the plainest program that does the same."""
