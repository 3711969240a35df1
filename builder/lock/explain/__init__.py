"""Why a definition cannot be solved, in a person's words, and what would make it solvable."""
