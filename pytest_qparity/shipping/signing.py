"""Signatures over what a release says: DSSE envelopes by securesystemslib, with a key in a file and nobody else."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["payload_of", "public_key", "signed", "signer_of", "verified_payload"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_INSTALL = 'pip install "pytest-qparity[sign]"'
_MAKE_KEY = (
    "openssl genpkey -algorithm ed25519 -out release.key && openssl pkey -in release.key -pubout -out release.pub"
)


def signer_of(path: Path) -> Any:
    """Who signs with the private key in a PEM file: Ed25519, ECDSA or RSA. Raises CannotJudge where it is none."""
    serialization, signer, _ = _library()
    try:
        return signer.CryptoSigner(serialization.load_pem_private_key(_content(path), password=None))
    except (ValueError, TypeError) as error:  # TypeError: a password is asked for
        raise _no_key(path, "a private key in PEM, without a password", error) from None
    except Exception as error:  # noqa: BLE001  cryptography names what it does not support in ways of its own
        raise _no_key(path, "an Ed25519, ECDSA or RSA key", error) from None


def public_key(path: Path) -> Any:
    """The public key in a PEM file. Raises CannotJudge where it is none."""
    serialization, signer, _ = _library()
    try:
        return signer.SSlibKey.from_crypto(serialization.load_pem_public_key(_content(path)))
    except Exception as error:  # noqa: BLE001  as above
        raise _no_key(path, "a public key in PEM", error) from None


def signed(statement: Mapping[str, Any], signer: Any) -> str:
    """A DSSE envelope of the statement, signed, as JSON text with sorted keys and an end of line."""
    _, _, dsse = _library()
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    envelope = dsse.Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return f"{json.dumps(envelope.to_dict(), sort_keys=True)}\n"


def verified_payload(text: str, key: Any) -> dict[str, Any] | None:
    """The statement of an envelope that `key` signed; None where it did not, or there is no envelope."""
    _, _, dsse = _library()
    try:
        envelope = dsse.Envelope.from_dict(json.loads(text))
        envelope.verify([key], 1)
    except (dsse.exceptions.VerificationError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return payload_of(text)


def payload_of(text: str) -> dict[str, Any] | None:
    """The statement of an envelope, whoever signed it; None where there is none."""
    try:
        envelope = json.loads(text)
        if envelope["payloadType"] != PAYLOAD_TYPE:
            return None
        statement = json.loads(base64.b64decode(envelope["payload"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error, RecursionError):
        return None
    return statement if isinstance(statement, dict) else None


def _library() -> tuple[Any, Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from securesystemslib import dsse, signer
    except ImportError as error:
        sentence = f"Signatures: got no package {error.name}, should be installed."
        raise CannotJudge(Failure(Code.SHIP_SIGNING, sentence, _INSTALL)) from None
    return serialization, signer, dsse


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _no_key(path, "a key in PEM", error) from None


def _no_key(path: Path, should: str, error: Exception) -> CannotJudge:
    lines = str(getattr(error, "strerror", None) or error).strip().splitlines() or [type(error).__name__]
    return CannotJudge(Failure(Code.SHIP_SIGNING, f"{path}: got {lines[0]!r}, should be {should}.", _MAKE_KEY))
