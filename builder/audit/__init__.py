"""What compiled code needs, read from the files themselves, and held against the declared GPUs. No GPU is needed."""
