"""The proof: scripts that run inside the very image that would be published."""
