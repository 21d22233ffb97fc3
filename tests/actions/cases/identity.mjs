import * as core from '@actions/core'
import {assert, crypto} from './common.mjs'

const token = await core.getIDToken('sts.example.com')
const [head, body, signature] = token.split('.')
const header = JSON.parse(Buffer.from(head, 'base64url'))
const claims = JSON.parse(Buffer.from(body, 'base64url'))

const configuration = await (await fetch(`${claims.iss}/.well-known/openid-configuration`)).json()
assert.equal(configuration.issuer, claims.iss)
const {keys} = await (await fetch(configuration.jwks_uri)).json()
const key = crypto.createPublicKey({key: keys.find(k => k.kid === header.kid), format: 'jwk'})
assert.equal(header.alg, 'RS256')
assert.ok(crypto.verify('sha256', `${head}.${body}`, key, Buffer.from(signature, 'base64url')))

assert.equal(claims.aud, 'sts.example.com')
assert.equal(claims.repository, process.env.GITHUB_REPOSITORY)
assert.equal(claims.sub, `repo:${process.env.GITHUB_REPOSITORY}:ref:refs/heads/main`)
assert.equal(claims.sha, process.env.GITHUB_SHA)
assert.equal(claims.job_workflow_ref, `${process.env.GITHUB_REPOSITORY}/.github/workflows/ci.yml@refs/heads/main`)
assert.equal(claims.event_name, 'push')
assert.equal(claims.runner_environment, 'self-hosted')
assert.ok(claims.nbf <= Date.now() / 1000 && claims.exp > Date.now() / 1000 && claims.exp - claims.iat <= 600)

const other = JSON.parse(Buffer.from((await core.getIDToken()).split('.')[1], 'base64url'))
assert.equal(other.aud, `https://github.com/${process.env.GITHUB_REPOSITORY_OWNER}`)
assert.notEqual(other.jti, claims.jti)
