// Sends a part of what it has announced, and stays.
import http from 'node:http'
import {backend_ids, fs, twirp} from './common.mjs'

const {body} = await twirp('CreateArtifact', {...backend_ids(), name: 'half'})
const request = http.request(body.signed_upload_url,
  {method: 'PUT', headers: {'x-ms-blob-type': 'BlockBlob', 'content-length': 1 << 20}})
request.on('error', () => process.exit(1))
request.write('x'.repeat(100000))
setTimeout(() => fs.writeFileSync(`${process.env.SHARED}/sent`, ''), 200)
setInterval(() => {}, 1000)
