import fastify from 'fastify'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createKeySource } from '../../services/api/auth/key-source.ts'
import { routeAccess } from '../../services/api/auth/route-access.ts'
import { startAws } from '../support/aws.ts'
import { makeKey, signToken, startIssuer } from './issuer.ts'
import { ask, buildTestApi, isProblem } from './support.ts'
import { tusClient } from './tus/client.ts'

const aws = await startAws(t)
const issuer = await startIssuer(t)
const [key = makeKey('none')] = issuer.keys

const api = await buildTestApi(t, aws, {
  env: {
    COGNITO_ISSUER: issuer.url,
    READ_SCOPES: 'uploads/read',
    WRITE_SCOPES: 'uploads/write',
    CORS_ORIGINS: 'https://app.example',
  },
  keys: createKeySource({ issuer: issuer.url }),
})

function authOf(scope: string) {
  const now = Math.floor(Date.now() / 1000)
  const client_id = aws.env.COGNITO_CLIENT_ID
  const claims = { iss: issuer.url, sub: 'user-1', token_use: 'access', client_id, scope, iat: now, exp: now + 600 }
  return { authorization: `Bearer ${signToken(claims, key)}` }
}

const reader = { auth: authOf('uploads/read') }
const writer = { auth: authOf('uploads/write') }

const expected = {
  'DELETE /uploads/:id': 'write',
  'DELETE /uploads/tus/:id': 'write',
  'GET /docs': 'public',
  'GET /docs/*': 'public',
  'GET /.well-known/headgate': 'public',
  'GET /livez': 'public',
  'GET /': 'public',
  'GET /openapi.json': 'public',
  'GET /readyz': 'public',
  'GET /uploads': 'read',
  'GET /uploads/:id': 'read',
  'GET /uploads/:id/content': 'read',
  'GET /uploads/:id/events': 'read',
  'GET /uploads/:id/grant': 'write',
  'GET /uploads/:id/outputs/:name': 'read',
  'GET /uploads/:id/processed': 'read',
  'GET /uploads/limits': 'write',
  'HEAD /docs': 'public',
  'HEAD /docs/*': 'public',
  'HEAD /.well-known/headgate': 'public',
  'HEAD /livez': 'public',
  'HEAD /': 'public',
  'HEAD /openapi.json': 'public',
  'HEAD /readyz': 'public',
  'HEAD /uploads': 'read',
  'HEAD /uploads/:id': 'read',
  'HEAD /uploads/:id/content': 'read',
  'HEAD /uploads/:id/events': 'read',
  'HEAD /uploads/:id/grant': 'write',
  'HEAD /uploads/:id/outputs/:name': 'read',
  'HEAD /uploads/:id/processed': 'read',
  'HEAD /uploads/limits': 'write',
  'HEAD /uploads/tus/:id': 'write',
  'OPTIONS *': 'public',
  'OPTIONS /uploads/tus': 'public',
  'OPTIONS /uploads/tus/': 'public',
  'OPTIONS /uploads/tus/:id': 'public',
  'PATCH /uploads/tus/:id': 'write',
  'POST /uploads': 'write',
  'POST /uploads/:id/complete': 'write',
  'POST /uploads/grants': 'write',
  'POST /uploads/tus': 'write',
  'POST /uploads/tus/': 'write',
  'POST /uploads/tus/:id': 'write',
}

t.test('every route states its access', async t => {
  t.strictSame(Object.fromEntries([...api.app.routeAccess].sort()), expected)
})

t.test('every route requires the token of its stated access', async t => {
  for (const [name, access] of api.app.routeAccess) {
    const [method = '', route = ''] = name.split(' ')
    const url = `${api.url}${route.replace(':id', uuidv7()).replace(':name', 'main').replace('*', '/x')}`
    const statusWith = async (auth: Record<string, string>) => {
      const headers = { ...auth, 'tus-resumable': '1.0.0' }
      const response = await fetch(url, { method, headers, redirect: 'manual' })
      await response.arrayBuffer()
      return response.status
    }
    const isRefused = { none: (await statusWith({})) === 401, read: (await statusWith(reader.auth)) === 403 }
    const isRefusedToWrite = (await statusWith(writer.auth)) === 403
    t.strictSame(
      { ...isRefused, write: isRefusedToWrite },
      { none: access !== 'public', read: access === 'write', write: access === 'read' },
      name,
    )
  }
})

t.test('a read-only token gets no presigned PUT', async t => {
  const created = await ask(`${api.url}/uploads/grants`, {
    method: 'POST',
    headers: { ...writer.auth, 'content-type': 'application/json' },
    body: JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 5 }),
  })
  t.equal(created.status, 201)
  const grant = `${api.url}${created.headers.get('location')}/grant`
  isProblem(t, await ask(grant, { headers: reader.auth }), 403, 'insufficient-scope')
  const renewed = await ask(grant, { headers: writer.auth })
  t.equal(renewed.status, 200)
  t.match(JSON.stringify(renewed.body), /X-Amz-Signature=/)
})

t.test('a read-only token can neither block nor end a resumable upload', async t => {
  const client = tusClient(api, writer)
  const url = await client.begin(2)
  const asked = await fetch(`${api.url}${url}`, {
    method: 'HEAD',
    headers: { ...reader.auth, 'tus-resumable': '1.0.0' },
  })
  t.equal(asked.status, 403)
  t.equal(await client.offset(url), 0, 'a token that may write alone can resume')
  t.equal((await client.patch(url, 0, Buffer.from('ok'))).status, 204)
})

t.test('a route that states no access fails the start', async t => {
  const app = fastify()
  await app.register(routeAccess)
  t.throws(() => app.get('/forgotten', async () => 'everything'), {
    code: 'HEADGATE_ROUTE_ACCESS',
    message: /GET \/forgotten/,
  })
  t.throws(() => app.get('/half', { config: { skipWarmUp: true } }, async () => ''), {
    code: 'HEADGATE_ROUTE_ACCESS',
  })
})
