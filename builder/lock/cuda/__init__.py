"""What a solved set says of CUDA, held against what the definition declares: pure functions over a lock."""
