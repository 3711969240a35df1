"""An inventory held against the declared GPUs: pure functions, a module for each kind of fault."""
