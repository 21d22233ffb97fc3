import {DefaultArtifactClient} from '@actions/artifact'
import {DefaultArtifactClient as OldClient} from 'artifact-v2'
import {assert, folder, fs, in_dir, random} from './common.mjs'

const client = new DefaultArtifactClient()
const files = {'a.txt': 'alpha', 'sub/b.bin': random(9 << 20), 'sub/empty': ''}
const dir = folder('up', files)
const sent = await client.uploadArtifact('files', in_dir(dir, files), dir, {retentionDays: 3})
assert.ok(sent.id > 0 && sent.size > 9 << 20)
fs.writeFileSync(`${process.env.SHARED}/b.bin`, files['sub/b.bin'])
fs.writeFileSync(`${process.env.SHARED}/digest`, sent.digest)

// One with this name is there already.
await assert.rejects(client.uploadArtifact('files', in_dir(dir, files), dir), /already exists/)

// Not packed, and of no bytes.
const raw = {'raw.txt': 'as it is', 'empty.bin': ''}
const more = folder('raw', raw)
for (const file of in_dir(more, raw)) await client.uploadArtifact('unused', [file], more, {skipArchive: true})

// An older client; and overwriting, which is deleting first.
const old = new OldClient()
await old.uploadArtifact('old', in_dir(dir, {'a.txt': ''}), dir)
const {id} = await old.deleteArtifact('old')
assert.ok(id > 0)
await old.uploadArtifact('old', in_dir(dir, {'a.txt': ''}), dir)
