"""OS packages: what a base's sources say, what its archives say, and what its own apt answers. Text in, values out."""
