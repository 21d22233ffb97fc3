import {DefaultArtifactClient} from '@actions/artifact'
import {assert, folder, fs, in_dir, random, temp} from './common.mjs'

const client = new DefaultArtifactClient()
const one = async i => {
  const files = {'data.bin': random(200e3 + i)}
  const dir = folder(`p${i}`, files)
  const {id} = await client.uploadArtifact(`part-${i}`, in_dir(dir, files), dir, {compressionLevel: 0})
  await client.downloadArtifact(id, {path: `${temp}/p${i}`})
  assert.deepEqual(fs.readFileSync(`${temp}/p${i}/data.bin`), files['data.bin'])
  return id
}
const ids = await Promise.all(Array.from({length: 100}, (_, i) => one(i)))
assert.equal(new Set(ids).size, 100)
