"""Memory of a transfer: how much there is, how it is divided, and retries."""
