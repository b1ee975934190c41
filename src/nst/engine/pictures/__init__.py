"""Images before they are painted: masks, colours, tensors."""
