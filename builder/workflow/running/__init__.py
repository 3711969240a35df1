"""`imgbuild run` and `imgbuild shell`: a program in an image, attended from this terminal."""
