"""Pictures before they are painted: masks, colours, tensors."""
