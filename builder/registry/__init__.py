"""The one registry client. Today it reads: what image lies under a reference, and what its configuration says.

`read.read_config` is the way in. Below it `client.Registry` speaks the distribution specification for one registry
(manifests, blobs), `tokens` gets it the right to, and `wire.Wire` asks: patience, redirects, bounds, TLS as the
container engine has it. Uploads, tags and referrers are further methods of `Registry`.
"""
