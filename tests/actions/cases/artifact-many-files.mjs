import {DefaultArtifactClient} from '@actions/artifact'
import {assert, folder, fs, in_dir, temp} from './common.mjs'

const files = Object.fromEntries(Array.from({length: 5000}, (_, i) => [`d${i % 50}/f${i}.txt`, `file ${i}\n`]))
const dir = folder('many', files)
const client = new DefaultArtifactClient()
const {id} = await client.uploadArtifact('many', in_dir(dir, files), dir)
await client.downloadArtifact(id, {path: `${temp}/many`})
for (const [file, text] of Object.entries(files)) assert.equal(fs.readFileSync(`${temp}/many/${file}`, 'utf8'), text)
