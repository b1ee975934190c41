"""The method. Besides `nst.learning` this is the only package that imports torch."""
