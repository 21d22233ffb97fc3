import {assert, backend_ids, fs, twirp} from './common.mjs'

const old = JSON.parse(fs.readFileSync(`${process.env.SHARED}/token.json`))
for (const token of [old.token, old.identity]) {
  assert.equal((await twirp('ListArtifacts', old.ids, token)).status, 401)
  assert.equal((await twirp('GetCacheEntryDownloadURL', {key: 'k', version: 'v'}, token)).status, 401)
  const v1 = await fetch(`${process.env.ACTIONS_CACHE_URL}_apis/artifactcache/cache?keys=k&version=v`,
    {headers: {authorization: `Bearer ${token}`}})
  assert.equal(v1.status, 401)
  const identity = await fetch(process.env.ACTIONS_ID_TOKEN_REQUEST_URL, {headers: {authorization: `Bearer ${token}`}})
  assert.equal(identity.status, 401)
}
assert.equal((await fetch(old.download)).status, 401)
assert.equal((await fetch(old.upload, {method: 'PUT', headers: {'x-ms-blob-type': 'BlockBlob'}, body: 'y'})).status, 401)
// This job's own is good, and sees the run's artifact.
const list = await twirp('ListArtifacts', backend_ids())
assert.deepEqual(list.body.artifacts.map(a => a.name), ['leak'])
