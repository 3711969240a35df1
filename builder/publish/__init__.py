"""What of a proof travels with an image, under which tags, and how it comes to lie in a registry."""
