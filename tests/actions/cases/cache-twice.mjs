import {assert, twirp, random} from './common.mjs'

const data = random(100e3)
for (const key of ['one', 'two']) {
  const {body} = await twirp('CreateCacheEntry', {key, version: 'v'})
  const put = await fetch(body.signed_upload_url, {method: 'PUT', headers: {'x-ms-blob-type': 'BlockBlob'}, body: data})
  assert.equal(put.status, 201)
  const end = await twirp('FinalizeCacheEntryUpload', {key, version: 'v', sizeBytes: `${data.length}`})
  assert.equal(end.body.ok, true)
  const url = (await twirp('GetCacheEntryDownloadURL', {key, version: 'v'})).body.signed_download_url
  assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), data)
}
