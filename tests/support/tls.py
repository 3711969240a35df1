"""A company's own CA, made for one test, and the certificate of a server on loopback."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Company:
    """pem: the CA's certificate, which nobody trusts yet."""

    pem: Path
    certificate: trustme.LeafCert

    def load(self, context: ssl.SSLContext) -> None:
        """Let a server use the certificate."""
        self.certificate.configure_cert(context)


def company(folder: Path, *names: str) -> Company:
    """A CA below folder, and a server's certificate for loopback and these names."""
    ca = trustme.CA()
    pem = folder / "company-ca.pem"
    ca.cert_pem.write_to_path(str(pem))
    return Company(pem, ca.issue_cert("127.0.0.1", "localhost", *names))
