import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

export {assert, crypto, fs, path}
export const temp = process.env.RUNNER_TEMP

// A new folder with these files in it.
export function folder(name, files) {
  const dir = path.join(process.env.GITHUB_WORKSPACE, name)
  fs.mkdirSync(dir, {recursive: true})
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(dir, file)), {recursive: true})
    fs.writeFileSync(path.join(dir, file), text)
  }
  return dir
}

export const in_dir = (dir, files) => Object.keys(files).map(f => path.join(dir, f))
export const sha256 = data => crypto.createHash('sha256').update(data).digest('hex')
export const random = size => crypto.randomBytes(size)

// A call of the results service as its clients make it, for what they would never send.
export async function twirp(method, body, token = process.env.ACTIONS_RUNTIME_TOKEN) {
  const service = method.includes('Cache') ? 'CacheService' : 'ArtifactService'
  const url = `${process.env.ACTIONS_RESULTS_URL}twirp/github.actions.results.api.v1.${service}/${method}`
  const response = await fetch(url, {
    method: 'POST',
    headers: {'content-type': 'application/json', authorization: `Bearer ${token}`},
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  return {status: response.status, body: await response.json()}
}

// What the token says of the run and the job.
export function backend_ids() {
  const claims = JSON.parse(Buffer.from(process.env.ACTIONS_RUNTIME_TOKEN.split('.')[1], 'base64url'))
  const [, run, job] = claims.scp.split(' ').find(s => s.startsWith('Actions.Results:')).split(':')
  return {workflow_run_backend_id: run, workflow_job_run_backend_id: job}
}
