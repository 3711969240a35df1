"""The faces: what people and machines get to see."""
