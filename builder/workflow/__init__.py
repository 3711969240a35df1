"""The main job as a short list of steps, each a function from one value to the next."""
