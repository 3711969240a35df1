"""The port to the container engine, and the Docker SDK behind it."""
