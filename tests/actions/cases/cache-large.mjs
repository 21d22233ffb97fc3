import {assert, twirp, random} from './common.mjs'

// Large enough to be hashed later; blocks numbered as @azure/storage-blob does, sent in another order, one of them twice.
const size = 30e6, data = random(3 * size - 5e6)
const id = n => Buffer.from(`c7ad5a5e-6d3b-4b5f-8d4e-0c8f0c6f7a1e${`${n}`.padStart(12, '0')}`).toString('base64')
const put = async (url, body) => assert.equal((await fetch(url, {method: 'PUT', body})).status, 201)
for (const [key, order] of Object.entries({one: [0, 1, 2], two: [1, 0, 2], three: [0, 2, 1, 1]})) {
  const {body} = await twirp('CreateCacheEntry', {key, version: 'v'})
  const url = body.signed_upload_url
  for (const n of order)
    await put(`${url}&comp=block&blockid=${encodeURIComponent(id(n))}`, data.subarray(n * size, (n + 1) * size))
  await put(`${url}&comp=blocklist`, `<BlockList>${[0, 1, 2].map(n => `<Latest>${id(n)}</Latest>`).join('')}</BlockList>`)
  const end = await twirp('FinalizeCacheEntryUpload', {key, version: 'v', sizeBytes: `${data.length}`})
  assert.equal(end.body.ok, true)
  const from = (await twirp('GetCacheEntryDownloadURL', {key, version: 'v'})).body.signed_download_url
  assert.ok(Buffer.from(await (await fetch(from)).arrayBuffer()).equals(data))
}
