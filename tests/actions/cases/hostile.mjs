import net from 'node:net'
import {assert, backend_ids, fs, twirp} from './common.mjs'

const ids = backend_ids()
const token = process.env.ACTIONS_RUNTIME_TOKEN

// Tokens: none, of another make, of another algorithm, changed.
const [head, body, signature] = token.split('.')
const none = Buffer.from('{"alg":"none"}').toString('base64url')
for (const bad of ['', 'x', `${none}.${body}.`, `${head}.${body}.${signature.slice(0, -2)}AA`, `${head}.${none}.${signature}`]) {
  assert.equal((await twirp('ListArtifacts', ids, bad)).status, 401)
}

// Bodies, names, runs.
assert.equal((await twirp('ListArtifacts', '{')).body.code, 'malformed')
assert.equal((await twirp('ListArtifacts', '[]')).body.code, 'malformed')
assert.equal((await twirp('ListArtifacts', {...ids, name_filter: 7})).body.code, 'malformed')
assert.equal((await twirp('NoArtifact', ids)).body.code, 'bad_route')
assert.equal((await twirp('ListArtifacts', {workflow_run_backend_id: 'other'})).body.code, 'permission_denied')
for (const name of ['', '..', '../../etc/x', 'a/b', '.', 'a\nb', 'x'.repeat(300)]) {
  assert.equal((await twirp('CreateArtifact', {...ids, name})).body.code, 'invalid_argument', name)
}
assert.equal((await twirp('GetSignedArtifactURL', {...ids, name: 'nothing'})).body.code, 'not_found')
for (const key of ['', 'a,b', 'k'.repeat(513)]) {
  assert.equal((await twirp('CreateCacheEntry', {key, version: 'v'})).body.code, 'invalid_argument')
}

// Addresses: what is signed cannot be changed; reading is not writing.
const {body: made} = await twirp('CreateArtifact', {workflowRunBackendId: ids.workflow_run_backend_id, name: 'x'})
const url = new URL(made.signed_upload_url)
const put = (address, more = '', text = 'x') =>
  fetch(`${address}${more}`, {method: 'PUT', headers: {'x-ms-blob-type': 'BlockBlob'}, body: text})
for (const [name, text] of [['se', '99999999999'], ['sp', 'r'], ['job', '0'], ['sig', '0'.repeat(64)]]) {
  const changed = new URL(url)
  changed.searchParams.set(name, text)
  assert.equal((await put(changed.href)).status, 401, name)
}
assert.equal((await put(url.href.replace('/uploads/', '/artifacts/'))).status, 401)
assert.equal((await fetch(url.href)).status, 400)

// Blocks: the list alone decides, in its order; what it does not name is gone; again is the same.
const block = (id, text) => put(url.href, `&comp=block&blockid=${encodeURIComponent(id)}`, text)
const list = (...blocks) => put(url.href, '&comp=blocklist',
  `<?xml version="1.0" encoding="utf-8"?><BlockList>${blocks.map(b => `<Latest>${b}</Latest>`).join('')}</BlockList>`)
const [one, two, three] = ['MQ==', 'Mg==', 'Mw==']
await Promise.all([block(two, 'second'), block(three, 'unused'), block(one, 'never')])
assert.equal((await block(one, 'first,')).status, 201)
assert.equal((await list(one, 'NA==')).status, 400)
assert.equal((await put(url.href, '&comp=blocklist', '<BlockList><Latest>')).status, 400)
assert.equal((await put(url.href, '&comp=block&blockid=%3C')).status, 400)
assert.equal((await list(one, two)).status, 201)
assert.equal((await list(one, two)).status, 201)
// A wrong size, a wrong digest.
const end = more => twirp('FinalizeArtifact', {...ids, name: 'x', ...more})
assert.equal((await end({size: '13'})).body.code, 'invalid_argument')
assert.equal((await end({size: 12, hash: `sha256:${'0'.repeat(64)}`})).body.code, 'invalid_argument')
assert.equal((await end({size: '12'})).status, 200)
assert.equal((await end({size: '12'})).status, 200)
assert.equal((await put(url.href)).status, 400)

// Ranges.
const read = (await twirp('GetSignedArtifactURL', {...ids, name: 'x'})).body.signed_url
const part = async (name, range) => {
  const response = await fetch(read, {headers: {[name]: range}})
  return [response.status, response.headers.get('content-range'), await response.text()]
}
assert.equal(await (await fetch(read)).text(), 'first,second')
assert.deepEqual(await part('range', 'bytes=6-8'), [206, 'bytes 6-8/12', 'sec'])
assert.deepEqual(await part('x-ms-range', 'bytes=-3'), [206, 'bytes 9-11/12', 'ond'])
assert.equal((await part('range', 'bytes=12-'))[0], 416)
const look = await fetch(read, {method: 'HEAD'})
assert.equal(look.headers.get('content-length'), '12')
assert.equal((await put(read)).status, 400)

// Pieces of the older protocol: gaps, other jobs' numbers.
const v1 = (method, path, text, headers) => fetch(`${process.env.ACTIONS_CACHE_URL}_apis/artifactcache/${path}`,
  {method, headers: {authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers}, body: text})
const {cacheId} = await (await v1('POST', 'caches', '{"key": "k", "version": "v"}')).json()
const piece = (range, text) => v1('PATCH', `caches/${cacheId}`, text, {'content-range': `bytes ${range}/*`})
assert.equal((await piece('0-1', 'ab')).status, 204)
assert.equal((await piece('4-5', 'ef')).status, 204)
assert.equal((await v1('POST', `caches/${cacheId}`, '{"size": 6}')).status, 400)
assert.equal((await piece('2-3', 'c')).status, 400)
assert.equal((await piece('2-3', 'cd')).status, 204)
assert.equal((await v1('POST', `caches/${cacheId}`, '{"size": 6}')).status, 204)
assert.equal((await v1('PATCH', 'caches/9999', 'x', {'content-range': 'bytes 0-0/*'})).status, 404)
const {archiveLocation} = await (await v1('GET', 'cache?keys=other,k&version=v')).json()
assert.equal(await (await fetch(archiveLocation)).text(), 'abcdef')

// What is no HTTP, or not for us.
const raw = text => new Promise((done, failed) => {
  let got = ''
  const socket = net.connect(url.port, '127.0.0.1', () => socket.write(text))
  socket.on('data', d => (got += d)).on('close', () => done(got)).on('error', failed)
})
assert.match(await raw('GET /x HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400/)
assert.match(await raw('GET /a/../b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400/)
assert.match(await raw('GET http://x/y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400/)
assert.match(await raw(`GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 414/)
assert.match(await raw(`GET /x HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20000)}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 431/)
assert.match(await raw('GET /etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 401/)
fs.rmSync('x', {force: true})
