import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { allowedMethods } from '../../services/api/http/allowed-methods.ts'
import { trustedProxies } from '../../services/api/http/server-options.ts'
import { checkContentType } from '../../services/api/ingest/content-type.ts'
import { startAws } from '../support/aws.ts'
import { buildTestApi } from './support.ts'

t.test('trusted proxies are addresses and CIDR ranges, and by default none', async t => {
  t.equal(trustedProxies(''), false)
  t.equal(trustedProxies(' , '), false)
  t.same(trustedProxies('10.0.0.0/8, 127.0.0.1,fd00::/8'), ['10.0.0.0/8', '127.0.0.1', 'fd00::/8'])
})

t.test('X-Forwarded-For is only trusted from a trusted proxy', async t => {
  const aws = await startAws(t)
  const addresses = async (TRUST_PROXY: string) => {
    const api = await buildTestApi(t, aws, { env: { TRUST_PROXY } })
    await fetch(`${api.url}/nothing`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
    return api.log.join('')
  }
  t.match(await addresses('127.0.0.0/8'), '"remoteAddress":"203.0.113.9"')
  t.match(await addresses('10.0.0.0/8'), '"remoteAddress":"127.0.0.1"')
  t.match(await addresses(''), '"remoteAddress":"127.0.0.1"')
})

t.test('an x-request-id that can not be the id of a request is logged in its own field', async t => {
  const aws = await startAws(t)
  const api = await buildTestApi(t, aws)
  const lineOf = async (id: string) => {
    const response = await fetch(`${api.url}/nothing`, { headers: { 'x-request-id': id } })
    await response.arrayBuffer()
    const requestId = response.headers.get('x-request-id')
    const line = api.log.findLast(line => line.includes('"msg":"request"'))
    t.equal(JSON.parse(line ?? '{}').requestId, requestId)
    return { requestId, gatewayRequestId: JSON.parse(line ?? '{}').gatewayRequestId }
  }
  const fromGateway = await lineOf('JKJ+aXm/PLvHcESHA=')
  t.match(fromGateway, { requestId: /^[0-9a-f-]{36}$/, gatewayRequestId: 'JKJ+aXm/PLvHcESHA=' })
  t.strictSame(await lineOf('mine'), { requestId: 'mine', gatewayRequestId: undefined })
  t.equal((await lineOf('two words')).gatewayRequestId, undefined)
  t.equal((await lineOf('='.repeat(129))).gatewayRequestId, undefined)
})

t.test('a long path is truncated in the log', async t => {
  const aws = await startAws(t)
  const api = await buildTestApi(t, aws)
  const response = await fetch(`${api.url}/${'a/'.repeat(50_000)}`)
  t.equal(response.status, 404)
  const line = api.log.findLast(line => line.includes('"msg":"request"')) ?? ''
  t.ok(line.length < 2_000, `${line.length} characters`)
})

t.test('the methods of a path are those of every route that matches it', async t => {
  const routes = [
    { method: 'POST', url: '/uploads' },
    { method: 'GET', url: '/uploads/:id' },
    { method: 'HEAD', url: '/uploads/:id' },
    { method: 'GET', url: '/docs/*' },
  ]
  t.same(allowedMethods(routes, '/uploads'), ['OPTIONS', 'POST'])
  t.same(allowedMethods(routes, '/uploads/1'), ['GET', 'HEAD', 'OPTIONS'])
  t.same(allowedMethods(routes, '/uploads/'), [])
  t.same(allowedMethods(routes, '/uploads/1/2'), [])
  t.same(allowedMethods(routes, '/docs/a/b'), ['GET', 'OPTIONS'])
  t.same(allowedMethods(routes, '/doc'), [])
  const grants = { method: 'POST', url: '/uploads/grants' }
  t.same(allowedMethods([...routes, grants], '/uploads/grants'), ['OPTIONS', 'POST'], 'a path of its own is no id')
})

t.test('a path with very many segments is matched in little time', async t => {
  const routes = Array.from({ length: 40 }, () => ({ method: 'GET', url: '/uploads/:id/content' }))
  const started = performance.now()
  t.same(allowedMethods(routes, '/'.repeat(120_000)), [])
  t.same(allowedMethods([{ method: 'GET', url: '/docs/*' }], `/docs${'/a'.repeat(60_000)}`), ['GET', 'OPTIONS'])
  t.ok(performance.now() - started < 50)
})

t.test('a valid media type is kept unchanged', async t => {
  const types = [
    'text/plain',
    'text/plain; charset=utf-8',
    'application/vnd.a+json;a=b ; c="d \\" e"',
    'a/b;',
    'IMAGE/PNG',
  ]
  for (const type of types) t.equal(checkContentType(type), type)
})

t.test('an invalid media type is rejected', async t => {
  const types = [
    'text',
    'text/',
    '/plain',
    'text/plain; charset',
    'text/pl ain',
    'text/plain\r\nx: y',
    'text/plain; a="',
    'täxt/plain',
    `a/${'b'.repeat(254)}`,
  ]
  for (const type of types) t.throws(() => checkContentType(type), { code: 'HEADGATE_INVALID_CONTENT_TYPE' }, type)
})

t.test('an empty content type is the same as none', async t => {
  for (const type of ['', ' ']) t.equal(checkContentType(type), 'application/octet-stream')
})

t.test('a long invalid content type is rejected in little time', async t => {
  const started = performance.now()
  t.throws(() => checkContentType(`a/b${';a="'.repeat(51)}`), { code: 'HEADGATE_INVALID_CONTENT_TYPE' })
  t.throws(() => checkContentType(`a/b${'; \t'.repeat(80)}\x01`), { code: 'HEADGATE_INVALID_CONTENT_TYPE' })
  t.ok(performance.now() - started < 100)
})

t.test('a connection without a request does not delay a stop', async t => {
  const aws = await startAws(t)
  const api = await buildTestApi(t, aws)
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  // Connections are accepted in order. After the response to a later one, the silent one is accepted.
  await (await fetch(`${api.url}/livez`)).text()
  const ended = once(socket, 'close')
  await api.app.close()
  await ended
})
