"""Bytes on the host: where they come from, checked, content-addressed, and kits that hold a whole set."""
