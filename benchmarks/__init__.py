"""What nst costs, measured beside the plainest program that does the same."""
