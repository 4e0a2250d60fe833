import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { form } from '../../../api/form.ts'
import { type Call, httpApiEvent, restApiEvent } from '../../../api/gateway-events.ts'
import { type GatewayCase, type GatewayScene, holdToCase } from './gateway-case.ts'

const json = { 'content-type': 'application/json' }
const octets = { 'content-type': 'application/octet-stream' }
const text = { 'content-type': 'text/plain' }
const binary = Buffer.from([0, 255, 254, 10, 13, 0, 200])
const unicode = '{"filename":"a.txt","content":"hällo – 写真"}'
const content = Buffer.from('hällo – 写真')

const formOf = (value: string | Uint8Array) => form([{ name: 'file', filename: 'f.bin', value }])
const shaOf = (bytes: string | Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

type Expected = Omit<GatewayCase, 'event'>

/** Requests that exist in both payload versions, each with the expected response for both. */
const requests: Record<string, [Call, Expected]> = {
  'a health check': [
    { method: 'GET', path: '/livez' },
    { status: 200, body: { status: 'ok' } },
  ],
  'the readiness of the api': [
    { method: 'GET', path: '/readyz' },
    { status: 200, body: { status: 'ready' } },
  ],
  JSON: [
    { method: 'POST', path: '/uploads', headers: json, body: unicode },
    {
      status: 200,
      stored: content,
      body: { filename: 'a.txt', status: 'queued', size: content.length },
      headers: { location: /^\/uploads\/[0-9a-f-]{36}$/, 'content-type': /^application\/json/ },
    },
  ],
  'JSON in base64': [
    { method: 'POST', path: '/uploads', headers: json, body: Buffer.from(unicode) },
    { status: 200, stored: content },
  ],
  'JSON without a body': [
    { method: 'POST', path: '/uploads', headers: json },
    { status: 400, problem: 'malformed-json' },
  ],
  'no body and no content type': [
    { method: 'POST', path: '/uploads' },
    { status: 415, problem: 'unsupported-media-type' },
  ],
  'an empty raw body in base64': [
    { method: 'POST', path: '/uploads', query: { filename: 'e.txt' }, headers: text, body: Buffer.alloc(0) },
    { status: 200, stored: Buffer.alloc(0), body: { filename: 'e.txt', size: 0 } },
  ],
  'a raw upload without a body': [
    { method: 'POST', path: '/uploads', query: { filename: 'e.txt' }, headers: text },
    { status: 200, stored: Buffer.alloc(0), body: { filename: 'e.txt', size: 0 } },
  ],
  'bytes, and a name with a comma, a plus, an ampersand and CJK': [
    { method: 'POST', path: '/uploads', query: { filename: 'a,b + c & d=%25 日.bin' }, headers: octets, body: binary },
    { status: 200, stored: binary, body: { filename: 'a,b + c & d=%25 日.bin', size: binary.length } },
  ],
  'bytes with their length and digest': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.bin' },
      body: binary,
      headers: { ...octets, 'content-length': String(binary.length), 'content-digest': shaOf(binary) },
    },
    { status: 200, stored: binary },
  ],
  'bytes with the digest of others': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.bin' },
      body: binary,
      headers: { ...octets, 'content-digest': shaOf('others') },
    },
    { status: 400, problem: 'digest-mismatch' },
  ],
  'a text that is not base64': [
    { method: 'POST', path: '/uploads', query: { filename: 'a.txt' }, headers: text, body: 'café' },
    { status: 200, stored: Buffer.from('café') },
  ],
  'a text with its length': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.txt' },
      body: 'café',
      headers: { ...text, 'content-length': '5' },
    },
    { status: 200, stored: Buffer.from('café') },
  ],
  'a text whose bytes the gateway has replaced': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.txt' },
      body: 'caf\uFFFD',
      headers: { ...text, 'content-length': '4' },
    },
    { status: 415, problem: 'unsupported-media-type', body: { detail: /application\/octet-stream/ } },
  ],
  'a body that is shorter than its length': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.txt' },
      body: 'short',
      headers: { ...text, 'content-length': '400' },
    },
    { status: 415, problem: 'unsupported-media-type' },
  ],
  'a body that is longer than its length': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.txt' },
      body: 'long',
      headers: { ...text, 'content-length': '1' },
    },
    { status: 415, problem: 'unsupported-media-type' },
  ],
  'a body in base64 that is shorter than its length': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.bin' },
      body: binary,
      headers: { ...octets, 'content-length': '400' },
    },
    { status: 400, problem: 'bad-request' },
  ],
  'no body, and a length': [
    {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a.bin' },
      headers: { ...octets, 'content-length': '400' },
    },
    { status: 400, problem: 'bad-request' },
  ],
  'a form': [
    { method: 'POST', path: '/uploads', headers: formOf('form').headers, body: formOf('form').body.toString() },
    { status: 200, stored: Buffer.from('form'), body: { filename: 'f.bin' } },
  ],
  'a form in base64': [
    { method: 'POST', path: '/uploads', headers: formOf(binary).headers, body: formOf(binary).body },
    { status: 200, stored: binary, body: { filename: 'f.bin' } },
  ],
  'cookies that nobody asked for': [
    { method: 'GET', path: '/uploads', query: { limit: '1' }, headers: { cookie: 'a=1; b=2' } },
    { status: 200, body: { uploads: [{}] } },
  ],
  'a path with an encoded slash': [
    { method: 'GET', path: '/uploads/%2e%2e%2fx' },
    { status: 404, problem: 'not-found' },
  ],
  'a path with a bare percent sign': [
    { method: 'GET', path: '/uploads/100%/content' },
    { status: 400, problem: 'bad-request' },
  ],
  'a path that the gateway has decoded': [
    { method: 'GET', path: '/uploads/a b ü' },
    { status: 404, problem: 'not-found' },
  ],
  'a path with a decoded question mark and number sign': [
    { method: 'GET', path: '/livez?a#b' },
    { status: 404, problem: 'not-found' },
  ],
  'a path that begins with two slashes': [
    { method: 'GET', path: '//uploads' },
    { status: 404, problem: 'not-found' },
  ],
  'a path that is another host': [
    { method: 'GET', path: '//livez/livez' },
    { status: 404, problem: 'not-found' },
  ],
  'an empty path': [
    { method: 'GET', path: '' },
    { status: 404, problem: 'not-found' },
  ],
  'a path that there is not': [
    { method: 'GET', path: '/nothing' },
    { status: 404, problem: 'not-found' },
  ],
  'a method that there is not': [
    { method: 'PUT', path: '/uploads' },
    { status: 405, problem: 'method-not-allowed', headers: { allow: /POST/ } },
  ],
  'a HEAD': [
    { method: 'HEAD', path: '/uploads' },
    { status: 200, text: '' },
  ],
  'the OPTIONS of tus': [
    { method: 'OPTIONS', path: '/uploads/tus' },
    { status: 204, headers: { 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' }, text: '' },
  ],
  'the page of the docs': [
    { method: 'GET', path: '/docs' },
    { status: 200, headers: { 'content-type': /^text\/html/ }, text: /<html/i },
  ],
  'a picture of the docs': [
    { method: 'GET', path: '/docs/static/favicon-32x32.png' },
    { status: 200, isBase64Encoded: true, text: /^iVBORw0KGgo/ },
  ],
  'the OpenAPI document': [
    { method: 'GET', path: '/openapi.json' },
    { status: 200, body: { openapi: /^3\./ } },
  ],
}

export const shapes = { '2.0': httpApiEvent, '1.0': restApiEvent } as const

/** Tests every request in both versions: payload 2.0 of an HTTP API and 1.0 of a REST API. */
export async function answerBothVersions(t: Test, scene: GatewayScene): Promise<void> {
  for (const [version, eventOf] of Object.entries(shapes)) {
    for (const [name, [call, expected]] of Object.entries(requests)) {
      const event = eventOf({ ...call, headers: { ...call.headers, ...scene.user.auth } })
      await holdToCase(t, scene, `${version}, ${name}`, { event, ...expected })
    }
    await t.test(`${version}: a tus upload in two requests, and what the upload shows`, t =>
      uploadByTus(t, scene, eventOf),
    )
  }
}

type EventOf = (typeof shapes)[keyof typeof shapes]

async function uploadByTus(t: Test, scene: GatewayScene, eventOf: EventOf): Promise<void> {
  const tus = { ...scene.user.auth, 'tus-resumable': '1.0.0' }
  const call = (name: string, request: Call, expected: Expected) =>
    holdToCase(t, scene, name, { event: eventOf({ ...request, headers: { ...tus, ...request.headers } }), ...expected })
  const created = await call(
    'creation',
    { method: 'POST', path: '/uploads/tus', headers: { 'upload-length': '5' } },
    { status: 201, headers: { location: /^\/uploads\/tus\/[0-9a-f-]{36}$/ }, text: '' },
  )
  const path = String(created.headers?.location)
  const patch = (offset: number, body: Call['body']) => {
    const headers = { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' }
    return { method: 'PATCH', path, headers, ...(body !== undefined && { body }) }
  }
  await call('first bytes', patch(0, Buffer.from([1, 255, 3])), { status: 204, headers: { 'upload-offset': '3' } })
  await call('HEAD', { method: 'HEAD', path }, { status: 200, headers: { 'upload-offset': '3', 'upload-length': '5' } })
  await call('bytes at a wrong offset', patch(2, Buffer.from([4])), { status: 409, problem: 'offset-conflict' })
  await call('the rest', patch(3, Buffer.from([4, 5])), { status: 204, headers: { 'upload-offset': '5' } })
  const id = path.split('/').at(-1) ?? ''
  const shown = { status: 200, body: { uploadId: id, size: 5, status: 'queued' }, headers: { etag: /^"/ } }
  const { headers } = await call('the upload', { method: 'GET', path: `/uploads/${id}` }, shown)
  const etag = String(headers?.etag)
  const unchanged = { method: 'GET', path: `/uploads/${id}`, headers: { 'if-none-match': etag } }
  await call('the upload, unchanged', unchanged, { status: 304, text: '' })
  await call(
    'its content',
    { method: 'GET', path: `/uploads/${id}/content` },
    { status: 302, headers: { location: /^http/ } },
  )
  const events = { method: 'GET', path: `/uploads/${id}/events` }
  await call('its events', events, {
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    text: /^event: |\nevent: /,
  })
  await call('its removal', { method: 'DELETE', path: `/uploads/${id}` }, { status: 204, text: '' })
  await call('the upload, removed', { method: 'GET', path: `/uploads/${id}` }, { status: 404, problem: 'not-found' })
}
