"""How much memory there is, how it is divided, and what happens when it runs out."""
