"""Will it run there? A definition and its lock held against the tables, before anything is fetched. Pure."""
