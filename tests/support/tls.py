"""A company's own CA, made for one test, and the certificate of a server on loopback."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
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


def company(folder: Path, *names: str, expired: bool = False) -> Company:
    """A CA below folder, and a server's certificate for loopback and these names, good or past its day."""
    ca = trustme.CA()
    pem = folder / "company-ca.pem"
    ca.cert_pem.write_to_path(str(pem))
    end = datetime.now(timezone.utc) - timedelta(days=1) if expired else None
    begin = datetime.now(timezone.utc) - timedelta(days=9) if expired else None
    return Company(pem, ca.issue_cert("127.0.0.1", "localhost", *names, not_before=begin, not_after=end))
