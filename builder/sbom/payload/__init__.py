"""Reads what package managers say. Standard library only, any Python from 3.8: this folder also runs inside images."""
