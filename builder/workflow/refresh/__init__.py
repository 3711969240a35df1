"""Tables of builder/data whose rows a package index can tell: read anew, and held against a sanity floor."""
