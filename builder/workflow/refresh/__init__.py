"""Tables of builder/data whose rows an index can tell: read anew, and held against a sanity floor."""
