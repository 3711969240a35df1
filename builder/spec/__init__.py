"""What a user writes: environment.yml and image.yml, read strictly, merged, as plain values."""
