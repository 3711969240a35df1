"""Files that people have already, read as what an environment of ours asks for. Pure: nothing is written here."""
