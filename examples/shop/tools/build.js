// Builds dist/shop-VERSION.tar.gz: node tools/build.js [VERSION]
// The same sources give the same bytes (sorted names, fixed owners, modes and times). A manifest of every file's SHA-256 is
// inside. Prints the archive's path, size and digest.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const version = process.argv[2] ?? JSON.parse(readFileSync('package.json', 'utf8')).version;
if (!/^[\w.+-]{1,64}$/.test(version)) {
  console.error(`not a version: ${version}`);
  process.exit(2);
}
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// One entry of a ustar archive.
function entry(name, bytes) {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0' + '0000000\0'.repeat(2), 100);
  header.write(bytes.length.toString(8).padStart(11, '0') + '\0' + '0'.repeat(11) + '\0' + ' '.repeat(8) + '0', 124);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(sum.toString(8).padStart(6, '0') + '\0 ', 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const names = ['package.json', ...readdirSync('src').map((name) => join('src', name))].sort();
const files = names.map((name) => [name, readFileSync(name)]);
const listed = files.map(([path, bytes]) => ({ path, sha256: sha256(bytes), size: bytes.length }));
const manifest = { name: 'shop', version, files: listed };
files.push(['manifest.json', Buffer.from(JSON.stringify(manifest, null, 2) + '\n')]);

const top = `shop-${version}`;
const tar = [...files.map(([name, bytes]) => entry(`${top}/${name}`, bytes)), Buffer.alloc(1024)];
const archive = gzipSync(Buffer.concat(tar), { level: 9 });
archive[9] = 255; // the byte that names the operating system
mkdirSync('dist', { recursive: true });
const path = join('dist', `${top}.tar.gz`);
writeFileSync(path, archive);
console.log(`${path} ${archive.length} bytes sha256:${sha256(archive)}`);
