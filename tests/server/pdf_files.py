"""PDFs as a test wants them: a page for each text, one line a page, in Helvetica; "" gives a page without text."""

from __future__ import annotations

import io

from pypdf import PdfReader, PdfWriter


def pdf_of(*texts: str, packed: bytes = b"") -> bytes:
    """A whole PDF, its parts and the table of where they are written out; `packed` are the drawings of the last page in
    its place, as zlib packs them."""
    kids = " ".join(f"{4 + 2 * place} 0 R" for place in range(len(texts)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(texts)} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    fonts = "<< /Font << /F1 3 0 R >> >>"
    for place, text in enumerate(texts):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else "0 0 9 9 re f"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources {fonts} /Contents {5 + 2 * place} 0 R >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    bodies = [body.encode("cp1252") for body in objects]
    if packed:
        bodies[-1] = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    begin = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{begin}\n%%EOF\n".encode()
    return bytes(out)


def encrypted(data: bytes, password: str) -> bytes:
    """The PDF, to be opened with a password; with "" by everybody."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
