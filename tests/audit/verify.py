"""A verifier of audit logs that shares nothing with Slipway: c2sp.org/tlog-tiles, tlog-checkpoint, signed-note, tlog-proof."""
import base64
import hashlib
import pathlib
import subprocess
import tempfile

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

# SubjectPublicKeyInfo of Ed25519 (RFC 8410), to which the 32 bytes of the key are added
SPKI = bytes.fromhex("302a300506032b6570032100")


def sha(data):
    return hashlib.sha256(data).digest()


def signed(public, message, signature):
    if Ed25519PublicKey:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
            return True
        except InvalidSignature:
            return False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_bytes(SPKI + public)
        (folder / "message").write_bytes(message)
        (folder / "signature").write_bytes(signature)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", folder / "key", "-rawin",
                               "-in", folder / "message", "-sigfile", folder / "signature"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0


def open_checkpoint(note, vkey):
    """(size, root) of a checkpoint that the key has signed."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[0] == 1 and len(key) == 33
    assert sha(name.encode() + b"\n" + key)[:4].hex() == key_id, "the id of the key"
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    wanted = [line for line in lines.splitlines() if line.startswith(f"\u2014 {name} ")]
    assert len(wanted) == 1, "one signature of the log"
    signature = base64.b64decode(wanted[0].split(" ")[2], validate=True)
    assert signature[:4].hex() == key_id
    assert signed(key[1:], text.encode(), signature[4:]), "the signature"
    origin, size, root = text.splitlines()
    assert origin == name and str(int(size)) == size
    return int(size), base64.b64decode(root, validate=True)


def tree(hashes):
    """RFC 6962, section 2.1."""
    if not hashes:
        return sha(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return sha(b"\x01" + tree(hashes[:k]) + tree(hashes[k:]))


def tile_path(number):
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    return "/".join(parts)


def read_tile(folder, level, number, width):
    suffix = "" if width == 256 else f".p/{width}"
    return (folder / "tile" / str(level) / (tile_path(number) + suffix)).read_bytes()


def split(bundle):
    entries = []
    while bundle:
        size = int.from_bytes(bundle[:2], "big")
        assert len(bundle) >= 2 + size
        entries.append(bundle[2:2 + size])
        bundle = bundle[2 + size:]
    return entries


def check(folder, vkey):
    """Checks a log in a folder; gives its entries."""
    folder = pathlib.Path(folder)
    size, root = open_checkpoint((folder / "checkpoint").read_text(), vkey)
    entries = []
    while len(entries) < size:
        width = min(256, size - len(entries))
        bundle = split(read_tile(folder, "entries", len(entries) // 256, width))
        assert len(bundle) == width
        entries += bundle
    hashes, level = [sha(b"\x00" + entry) for entry in entries], 0
    assert tree(hashes) == root, "the root"
    while hashes:
        for at in range(0, len(hashes), 256):
            part = hashes[at:at + 256]
            assert read_tile(folder, level, at // 256, len(part)) == b"".join(part), f"tile {level}/{at // 256}"
        hashes = [tree(hashes[at:at + 256]) for at in range(0, len(hashes) - 255, 256)]
        level += 1
    return entries


def check_proof(text, vkey):
    """Checks a proof; gives the index and the entry."""
    head, _, note = text.partition("\n\n")
    first, extra, index, *path = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index.startswith("index ")
    entry, at = base64.b64decode(extra[6:], validate=True), int(index[6:])
    size, root = open_checkpoint(note, vkey)
    found = climb(sha(b"\x00" + entry), at, size, [base64.b64decode(line, validate=True) for line in path])
    assert found == root, "the path"
    return at, entry


def climb(leaf, at, size, path):
    """The root that a path from the sibling of the leaf up leads to (RFC 6962, section 2.1.1)."""
    if size == 1:
        assert not path
        return leaf
    k = 1 << (size - 1).bit_length() - 1
    *below, sibling = path
    if at < k:
        return sha(b"\x01" + climb(leaf, at, k, below) + sibling)
    return sha(b"\x01" + sibling + climb(leaf, at - k, size - k, below))
