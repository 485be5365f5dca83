"""Signatures of stored sources with an elliptic-curve key (OpenSSF model signing); needs the extra `sign`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rook_bench.core import InputError


def sign(payload: Path, signature: Path, private_key: Path) -> None:
    """Sign a file or all files of a folder; InputError for a key that can't be used."""
    public_key_hash(private_key, private=True)
    signing, _ = _library()
    try:
        signing.Config().use_elliptic_key_signer(private_key=private_key).sign(payload, signature)
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"can't sign ({_short(error)})", where=payload) from None


def check_signature(payload: Path, signature: Path, public_key: Path) -> str | None:
    """What is wrong with a signature, None for one that is good; InputError for a key that can't be used."""
    public_key_hash(public_key, private=False)
    _, verifying = _library()
    try:
        verifying.Config().use_elliptic_key_verifier(public_key=public_key).verify(payload, signature)
    except Exception as error:  # a forged signature may fail in any way that a parser can
        return _short(error) or type(error).__name__
    return None


def public_key_hash(key: Path, *, private: bool) -> str:
    """SHA-256 of the public key that belongs to a PEM file; InputError where it holds no elliptic-curve key."""
    _library()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    word, wanted = ("private", ec.EllipticCurvePrivateKey) if private else ("public", ec.EllipticCurvePublicKey)
    try:
        content = key.read_bytes()
        found: Any = (
            serialization.load_pem_private_key(content, None) if private else serialization.load_pem_public_key(content)
        )
    except OSError as error:
        raise InputError(f"the key can't be read ({error.strerror})", where=key) from None
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, wanted):
        raise InputError(
            f"not a {word} elliptic-curve key in PEM form without a password",
            where=key,
            hint="make one with openssl ecparam -name prime256v1 -genkey -noout",
        )
    public = found.public_key() if isinstance(found, ec.EllipticCurvePrivateKey) else found
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(public.public_bytes(serialization.Encoding.PEM, form)).hexdigest()


def _library() -> tuple[Any, Any]:
    """The signing and the verifying half of model-signing."""
    try:
        from model_signing import signing, verifying
    except ImportError:
        raise InputError(
            "signatures need packages that are not installed", hint="pip install 'rook-bench[sign]'"
        ) from None
    return signing, verifying


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
