"""Adapters to external systems, one module or package for each system."""
