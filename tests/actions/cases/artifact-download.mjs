import {DefaultArtifactClient} from '@actions/artifact'
import {DefaultArtifactClient as OldClient} from 'artifact-v2'
import {assert, fs, temp} from './common.mjs'

const shared = process.env.SHARED
for (const client of [new DefaultArtifactClient(), new OldClient()]) {
  const {artifacts} = await client.listArtifacts()
  assert.deepEqual(artifacts.map(a => a.name).sort(), ['empty.bin', 'files', 'old', 'raw.txt'])
  const {artifact} = await client.getArtifact('files')
  assert.equal(artifact.digest ?? `sha256:${fs.readFileSync(`${shared}/digest`)}`,
    `sha256:${fs.readFileSync(`${shared}/digest`)}`)
  assert.ok(Math.abs(Date.now() - artifact.createdAt) < 600e3)
  const into = fs.mkdtempSync(`${temp}/down-`)
  const got = await client.downloadArtifact(artifact.id, {path: into, expectedHash: artifact.digest})
  assert.ok(!got.digestMismatch)
  assert.equal(fs.readFileSync(`${into}/a.txt`, 'utf8'), 'alpha')
  assert.equal(fs.readFileSync(`${into}/sub/empty`, 'utf8'), '')
  assert.deepEqual(fs.readFileSync(`${into}/sub/b.bin`), fs.readFileSync(`${shared}/b.bin`))
  await assert.rejects(client.getArtifact('nothing'), /not found/)
}

const client = new DefaultArtifactClient()
for (const [name, text] of [['raw.txt', 'as it is'], ['empty.bin', '']]) {
  const {artifact} = await client.getArtifact(name)
  const into = fs.mkdtempSync(`${temp}/raw-`)
  await client.downloadArtifact(artifact.id, {path: into})
  assert.equal(fs.readFileSync(`${into}/${name}`, 'utf8'), text)
}
