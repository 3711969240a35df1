"""GPUs, CUDA toolkits, drivers and what compiled code runs where: pure rules over the tables of builder/data."""
