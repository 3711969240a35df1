"""What an image is made of: every package with its origin, hash, licence and needs, as CycloneDX and SPDX."""
