"""Where bytes come from on this machine and in this project: mirrors, channels by name, the wheel index.

Settings never decide what a lock names: a mirror maps the canonical URL to the place that is asked, and back.
"""
