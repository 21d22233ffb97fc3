import http from 'node:http'
import * as tc from '@actions/tool-cache'
import {assert, folder, fs} from './common.mjs'

const server = http.createServer((_, response) => response.end('#!/bin/sh\necho tool\n'))
await new Promise(done => server.listen(0, '127.0.0.1', done))
const file = await tc.downloadTool(`http://127.0.0.1:${server.address().port}/tool`)
server.close()
server.closeAllConnections()
await tc.cacheFile(file, 'tool', 'tool', '1.2.3')
assert.match(fs.readFileSync(`${tc.find('tool', '1.x')}/tool`, 'utf8'), /echo tool/)
const dir = folder('made', {'bin/x': 'x'})
await tc.cacheDir(dir, 'made', '2.0.0')
assert.deepEqual(tc.findAllVersions('made'), ['2.0.0'])
