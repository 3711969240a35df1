"""How this machine reaches others: credentials from where conda, uv and netrc keep them, proxies, CAs, offline.

What is secret lives here as a `Secret` that never shows itself; `redact` takes it out of every text on its way out.
"""
