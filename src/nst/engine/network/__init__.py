"""The VGG network: its layers, its weights, and how an image is cut into tiles."""
