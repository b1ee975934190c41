"""The VGG network: its layers, its weights, and how a
picture is cut into tiles for it."""
