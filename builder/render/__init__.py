"""From a plan to a Dockerfile and its context, as values: no file is written here, no engine asked."""
