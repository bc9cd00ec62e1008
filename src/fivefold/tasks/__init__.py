"""Floor 8: what a user has (tables, images, text) turned into models on the floors below."""
