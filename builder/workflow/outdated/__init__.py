"""What is behind: installer, base and packages of locked images, and what an update would bring."""
