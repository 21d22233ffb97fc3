/* The audit log as it is served (c2sp.org/tlog-tiles): names of tiles, and the entries in them. Pure. */

export interface AuditEntry {
    index: number;
    time: string;
    actor: { kind: string; id?: string | number; name?: string };
    action: string;
    subject?: { kind: string; id?: string | number; name?: string };
    project?: string;
    reason?: string;
    origin?: { address?: string; request_id?: string };
    details?: unknown;
}

/* 1234067 is x001/x234/067. */
export function tileName(n: number): string {
    let name = String(n % 1000).padStart(3, '0');
    for (n = Math.floor(n / 1000); n; n = Math.floor(n / 1000)) name = `x${String(n % 1000).padStart(3, '0')}/${name}`;
    return name;
}

/* The tile of 256 entries, of a log of `size`. */
export function entriesPath(tile: number, size: number): string {
    const width = Math.min(256, size - tile * 256);
    return `/audit/tile/entries/${tileName(tile)}${width < 256 ? `.p/${width}` : ''}`;
}

/* The size of the log: the second line of its checkpoint. */
export function checkpointSize(note: string): number {
    const size = Number(note.split('\n')[1]);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('the checkpoint of the audit log has no size');
    return size;
}

/* Each entry stands behind its length in two bytes. */
export function parseEntries(bytes: Uint8Array, first: number): AuditEntry[] {
    const all: AuditEntry[] = [];
    const text = new TextDecoder();
    for (let at = 0; at + 2 <= bytes.length;) {
        const size = bytes[at]! * 256 + bytes[at + 1]!;
        if (at + 2 + size > bytes.length) throw new Error('a tile of the audit log is cut off');
        const entry = JSON.parse(text.decode(bytes.subarray(at + 2, at + 2 + size)));
        all.push({ ...entry, index: first + all.length });
        at += 2 + size;
    }
    return all;
}
