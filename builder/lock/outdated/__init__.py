"""What is behind in a lock: the newest version there is of everything, and what holds it back."""
