"""The method. Besides `nst.learning` this is the only package that imports torch."""

import os

# torch reads it when it makes the first tensor, so this precedes all modules of the engine.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
