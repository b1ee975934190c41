"""The style pictures of this project: one module per picture, drawn by program."""
