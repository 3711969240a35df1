"""From what was asked for to what will be installed: solve, resolve, write, read, compare."""
