"""Is this image what its definition and lock say? Every file, label and variable is held against them by name.

Pure from end to end: what an image holds (`tree`, read from layers as a stream; nothing of it is run) and what its
lock's archives say that it must hold (`archives`) are values, and so is every drift between them.
"""
