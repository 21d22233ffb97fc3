import {assert, twirp} from './common.mjs'

for (const key of ['one', 'two', 'three']) {
  const {body} = await twirp('GetCacheEntryDownloadURL', {key, version: 'v'})
  assert.equal(body.matched_key, key)
  assert.equal((await (await fetch(body.signed_download_url)).arrayBuffer()).byteLength, 85e6)
}
