// A proxy that answers every first request of its kind with 500, and every second one that writes after having passed
// it on: the client comes again, and what it had sent already must do no harm.
import http from 'node:http'
import {assert, folder, fs, in_dir, random, temp} from './common.mjs'

const real = new URL(process.env.ACTIONS_RESULTS_URL)
const seen = new Map()
const counts = {refused: 0, lost: 0}

const server = http.createServer((request, response) => {
  const chunks = []
  request.on('data', c => chunks.push(c))
  request.on('end', () => {
    const kind = request.method + request.url.replace(/[?&](sig|se)=[^&]*/g, '')
    const turn = (seen.get(kind) ?? 0) + 1
    seen.set(kind, turn)
    // Downloads of caches are tried again after 503, not after 500.
    const status = request.method === 'GET' ? 503 : 500
    const fail = () => response.writeHead(status, {'content-type': 'application/json'}).end('{"msg": "later"}')
    if (turn === 1) {
      counts.refused++
      return fail()
    }
    const headers = {...request.headers, host: real.host}
    const onward = http.request({host: real.hostname, port: real.port, method: request.method, path: request.url, headers},
      answer => {
        const parts = []
        answer.on('data', c => parts.push(c))
        answer.on('end', () => {
          if (turn === 2 && request.method !== 'GET') {
            counts.lost++
            return fail()
          }
          let body = Buffer.concat(parts)
          const out = {...answer.headers}
          if ((out['content-type'] ?? '').includes('json')) {
            body = Buffer.from(body.toString().replaceAll(real.origin, here))
            out['content-length'] = body.length
          }
          response.writeHead(answer.statusCode, out).end(body)
        })
      })
    onward.end(Buffer.concat(chunks))
  })
})
await new Promise(done => server.listen(0, '127.0.0.1', done))
const here = `http://127.0.0.1:${server.address().port}`
process.env.ACTIONS_RESULTS_URL = process.env.ACTIONS_CACHE_URL = `${here}/`

// Clients wait for seconds before they come again.
const wait = globalThis.setTimeout
globalThis.setTimeout = (fn, ms, ...rest) => wait(fn, ms > 500 && ms < 20000 ? ms / 100 : ms, ...rest)

const {DefaultArtifactClient} = await import('@actions/artifact')
const cache = await import('@actions/cache')

const files = {'x.bin': random(20 << 20)}
const dir = folder('retry', files)
const client = new DefaultArtifactClient()
const {id} = await client.uploadArtifact('retried', in_dir(dir, files), dir, {compressionLevel: 0})
await client.downloadArtifact(id, {path: `${temp}/retried`})
assert.deepEqual(fs.readFileSync(`${temp}/retried/x.bin`), files['x.bin'])
assert.ok(counts.refused > 5 && counts.lost > 5, JSON.stringify(counts))

assert.ok((await cache.saveCache(['retry'], 'retried')) > 0)
fs.rmSync(dir, {recursive: true})
assert.equal(await cache.restoreCache(['retry'], 'retried'), 'retried')
assert.deepEqual(fs.readFileSync(`${dir}/x.bin`), files['x.bin'])
server.close()
server.closeAllConnections()
