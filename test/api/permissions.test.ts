import { createSign } from 'node:crypto'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createKeySource } from '../../services/api/auth/key-source.ts'
import { missingPermission } from '../../services/api/auth/permissions.ts'
import { startAws } from '../support/aws.ts'
import { makeKey, startIssuer } from './issuer.ts'
import { ask, buildTestApi, isProblem } from './support.ts'

const aws = await startAws(t)
const issuer = await startIssuer(t)
const [key = makeKey('none')] = issuer.keys

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(claims: Record<string, unknown>): string {
  const now = Math.floor(Date.now() / 1000)
  const all = {
    iss: issuer.url,
    sub: 'user-1',
    token_use: 'access',
    client_id: aws.env.COGNITO_CLIENT_ID,
    exp: now + 600,
    ...claims,
  }
  const input = `${encode({ alg: 'RS256', kid: key.kid })}.${encode(all)}`
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key.privateKey, 'base64url')}`
}

const api = await buildTestApi(t, aws, {
  env: {
    COGNITO_ISSUER: issuer.url,
    READ_SCOPES: 'uploads/read',
    WRITE_SCOPES: 'uploads/read, uploads/write',
    WRITE_GROUPS: 'editors,admins',
  },
  keys: createKeySource({ issuer: issuer.url }),
})

const read = (claims: Record<string, unknown>, method = 'GET') =>
  ask(`${api.url}/uploads/${uuidv7()}`, { method, headers: { authorization: `Bearer ${token(claims)}` } })
const write = (claims: Record<string, unknown>) =>
  ask(`${api.url}/uploads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token(claims)}`, 'content-type': 'application/json' },
    body: '{"content":"x"}',
  })

const BOTH = 'uploads/read uploads/write'

t.test('a token with all scopes and one of the groups is allowed', async t => {
  t.equal((await read({ scope: 'uploads/read' })).status, 404)
  t.equal((await read({ scope: `openid ${BOTH}` })).status, 404)
  t.equal((await write({ scope: BOTH, 'cognito:groups': ['readers', 'admins'] })).status, 200)
})

const refused: Array<[string, Record<string, unknown>]> = [
  ['no scope', { 'cognito:groups': ['editors'] }],
  ['a scope too few', { scope: 'uploads/read', 'cognito:groups': ['editors'] }],
  ['a scope that only begins so', { scope: 'uploads/read uploads/write2', 'cognito:groups': ['editors'] }],
  ['scopes as a list', { scope: ['uploads/read', 'uploads/write'], 'cognito:groups': ['editors'] }],
  ['scopes with commas', { scope: 'uploads/read,uploads/write', 'cognito:groups': ['editors'] }],
  ['no group', { scope: BOTH }],
  ['another group', { scope: BOTH, 'cognito:groups': ['readers'] }],
  ['groups as a text', { scope: BOTH, 'cognito:groups': 'editors' }],
  ['groups under another name', { scope: BOTH, groups: ['editors'] }],
  ['a group in other letters', { scope: BOTH, 'cognito:groups': ['Editors'] }],
  ['an id token', { token_use: 'id', aud: aws.env.COGNITO_CLIENT_ID, 'cognito:groups': ['editors'] }],
]

t.test('any other token gets 403 with a challenge that names the scopes', async t => {
  for (const [what, claims] of refused) {
    const answer = await write(claims)
    isProblem(t, answer, 403, 'insufficient-scope', what)
    t.equal(answer.headers.get('www-authenticate'), `Bearer error="insufficient_scope", scope="${BOTH}"`, what)
  }
  isProblem(t, await read({ scope: 'uploads/write' }), 403, 'insufficient-scope')
  isProblem(t, await write({ scope: BOTH, exp: 1 }), 401, 'invalid-token', 'first whether it is a token at all')
})

t.test('without required permissions no permission is missing', async t => {
  t.equal(missingPermission({}, { scopes: [], groups: [] }), undefined)
  t.equal(missingPermission({ 'cognito:groups': ['a'] }, { scopes: [], groups: ['b', 'a'] }), undefined)
  t.match(missingPermission({}, { scopes: [], groups: ['b', 'c'] }), /b, c/)
})
