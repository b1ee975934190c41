"""The method: the only place where torch is imported."""
