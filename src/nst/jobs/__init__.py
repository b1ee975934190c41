"""Application layer: jobs, the service that manages them, and their execution."""
