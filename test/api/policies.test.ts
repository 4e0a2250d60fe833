import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createKeySource } from '../../services/api/auth/key-source.ts'
import { readPolicies } from '../../services/api/policies/read-policies.ts'
import { startAws } from '../support/aws.ts'
import { form } from './form.ts'
import { makeKey, signToken, startIssuer } from './issuer.ts'
import { ask, buildTestApi, isProblem } from './support.ts'

const aws = await startAws(t)
const issuer = await startIssuer(t)
const [key = makeKey('none')] = issuer.keys
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Returns the header of a token of a user of their own. */
function as(claims: Record<string, unknown>): { authorization: string } {
  const all = {
    iss: issuer.url,
    sub: randomUUID(),
    token_use: 'access',
    client_id: aws.env.COGNITO_CLIENT_ID,
    exp: Math.floor(Date.now() / 1000) + 600,
    ...claims,
  }
  return { authorization: `Bearer ${signToken(all, key)}` }
}

const subOf = ({ authorization }: { authorization: string }): string =>
  JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()).sub

const startApi = (t: Pick<Test, 'teardown'>, rules: unknown, env: Record<string, string> = {}) =>
  buildTestApi(t, aws, {
    env: { COGNITO_ISSUER: issuer.url, UPLOAD_POLICIES: JSON.stringify(rules), ...env },
    keys: createKeySource({ issuer: issuer.url }),
  })

const api = await startApi(t, [
  { name: 'staff', groups: ['staff', 'admins'], maxBytes: 1_000 },
  { name: 'scanner', scopes: ['scan', 'write'], methods: ['grant', 'tus', 'raw'], types: ['image/*'] },
  { name: 'forms', methods: ['form'], maxBytes: 20, filesPerForm: 2 },
  { name: 'everybody', methods: ['json', 'raw', 'tus', 'grant'], maxBytes: 10, types: ['text/*'] },
])
const staff = { 'cognito:groups': ['staff'] }
const scanner = { scope: 'openid write scan' }

const raw = (claims: object, body: string | Buffer<ArrayBuffer> | ReadableStream, type = 'text/plain') =>
  ask(`${api.url}/uploads?filename=a`, {
    method: 'POST',
    headers: { ...as({ ...claims }), 'content-type': type },
    body,
    ...(body instanceof ReadableStream && { duplex: 'half' as const }),
  })
const files = (claims: object, ...values: string[]) => {
  const { body, headers } = form(
    values.map((value, i) => ({ name: 'f', filename: `${i}.txt`, type: 'text/plain', value })),
  )
  return ask(`${api.url}/uploads`, { method: 'POST', headers: { ...as({ ...claims }), ...headers }, body })
}
const json = (claims: object, content: string) =>
  ask(`${api.url}/uploads`, {
    method: 'POST',
    headers: { ...as({ ...claims }), 'content-type': 'application/json' },
    body: JSON.stringify({ filename: 'a.txt', content }),
  })
const grant = (auth: { authorization: string }, size: number, contentType = 'text/plain') =>
  ask(`${api.url}/uploads/grants`, {
    method: 'POST',
    headers: { ...auth, 'content-type': 'application/json' },
    body: JSON.stringify({ filename: 'a', contentType, size }),
  })
const TUS = { 'tus-resumable': '1.0.0' }
const tusUrl = `${api.url}/uploads/tus`
const tusRequest = (auth: { authorization: string }, headers: Record<string, string>) => ({
  method: 'POST',
  headers: { ...auth, ...TUS, ...headers },
})
const createTus = (...args: Parameters<typeof tusRequest>) => ask(tusUrl, tusRequest(...args))
const openTus = (...args: Parameters<typeof tusRequest>) => fetch(tusUrl, tusRequest(...args))

t.test('the first rule that applies decides, by group, scope and method', async t => {
  t.match(await raw(staff, 'x'.repeat(1_000)), { status: 200 }, 'staff may send 1,000 bytes')
  t.match(await files(staff, 'a', 'b', 'c'), { status: 200 }, 'and more files than others')
  t.match(await raw({ 'cognito:groups': ['admins', 'other'] }, 'x'.repeat(11)), { status: 200 }, 'one group is enough')
  t.match(await raw(scanner, PNG, 'image/png'), { status: 200 }, 'the scanner may send images')
  isProblem(t, await raw({ scope: 'scan' }, PNG, 'image/png'), 413, 'payload-too-large', 'all scopes are needed')
  t.match(await json(scanner, 'text'), { status: 200 }, 'a rule with other methods does not apply')
  t.match(await raw({}, 'x'.repeat(10)), { status: 200 }, 'everybody may send 10 bytes')
})

t.test('a file above the maximum of its rule is refused, and the detail names the rule', async t => {
  const refused = {
    raw: await raw({}, 'x'.repeat(11)),
    'raw, in chunks': await raw({}, new Blob(['x'.repeat(11)]).stream()),
    json: await json({}, 'x'.repeat(11)),
    grant: await grant(as({}), 11),
    tus: await createTus(as({}), { 'upload-length': '11' }),
  }
  for (const [way, answer] of Object.entries(refused)) {
    isProblem(t, answer, 413, 'payload-too-large', way)
    t.match(answer.body, { detail: 'The file is larger than the maximum of 10 bytes of the rule "everybody".' }, way)
  }
  t.match((await files({}, 'x'.repeat(21))).body, { detail: /maximum of 20 bytes of the rule "forms"/ })
  t.match((await files({}, 'a', 'b', 'c')).body, { detail: /The maximum of the rule "forms" is 2\./ })
})

t.test('a tus upload without a length is bound by its rule while it grows', async t => {
  const auth = as({})
  const made = await openTus(auth, { 'upload-defer-length': '1' })
  t.equal(made.status, 201)
  const patch = await ask(`${api.url}${made.headers.get('location')}`, {
    method: 'PATCH',
    headers: { ...auth, ...TUS, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: 'x'.repeat(11),
  })
  isProblem(t, patch, 413, 'payload-too-large')
  t.match(patch.body, { detail: /of the rule "everybody"/ })
})

t.test('a type that the rule does not list is refused, also when a grant or a tus upload arrives', async t => {
  const detail = /The rule "everybody" allows these types: text\/\*\./
  const one = await raw({}, PNG.subarray(0, 10), 'application/octet-stream')
  isProblem(t, one, 415, 'content-type-not-allowed')
  t.match(one.body, { detail })

  const auth = as({})
  const granted = await grant(auth, 10, 'application/octet-stream')
  const { put, complete } = granted.body as {
    put: { url: string; headers: Record<string, string> }
    complete: string
  }
  t.equal((await fetch(put.url, { method: 'PUT', headers: put.headers, body: PNG.subarray(0, 10) })).status, 200)
  const completed = await ask(`${api.url}${complete}`, { method: 'POST', headers: auth })
  isProblem(t, completed, 415, 'content-type-not-allowed')
  t.match(completed.body, { detail })

  const made = await openTus(auth, { 'upload-length': '10' })
  const patch = await ask(`${api.url}${made.headers.get('location')}`, {
    method: 'PATCH',
    headers: { ...auth, ...TUS, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: PNG.subarray(0, 10),
  })
  isProblem(t, patch, 415, 'content-type-not-allowed')
  t.match(patch.body, { detail })
})

t.test('an upload of several requests keeps the types of the rule that it was begun under', async t => {
  // Two tokens of one user: rule "scanner" allows large images, and rule "everybody" small texts.
  const sub = randomUUID()
  const begun = as({ ...scanner, sub })
  const other = as({ sub })
  const text = 'a text that is longer than everybody may send'
  const granted = await grant(begun, text.length, 'application/octet-stream')
  t.equal(granted.status, 201)
  const { put, complete } = granted.body as {
    put: { url: string; headers: Record<string, string> }
    complete: string
  }
  t.equal((await fetch(put.url, { method: 'PUT', headers: put.headers, body: text })).status, 200)
  const completed = await ask(`${api.url}${complete}`, { method: 'POST', headers: other })
  isProblem(t, completed, 415, 'content-type-not-allowed')
  t.match(completed.body, { detail: /The rule "scanner" allows these types/ })

  const made = await openTus(begun, { 'upload-length': String(text.length) })
  const path = `${api.url}${made.headers.get('location')}`
  const bytes = { ...TUS, 'content-type': 'application/offset+octet-stream' }
  for (let at = 0; at < text.length; at += 10) {
    const body = text.slice(at, at + 10)
    const headers = { ...other, ...bytes, 'upload-offset': String(at) }
    const patched = await fetch(path, { method: 'PATCH', headers, body })
    t.equal(patched.status, at + 10 < text.length ? 204 : 415, `at ${at}`)
  }
})

t.test('a tus upload without a length keeps the size and the quota of the rule that it was begun under', async t => {
  const sub = randomUUID()
  const { url } = await startApi(t, [
    { name: 'small', scopes: ['small'], maxBytes: 5 },
    { name: 'counted', scopes: ['count'], bytesPerDay: 5 },
    { name: 'free' },
  ])
  for (const [scope, detail] of [
    ['small', /maximum of 5 bytes of the rule "small"/],
    ['count', /5 bytes that the rule "counted" leaves you/],
  ] as const) {
    const headers = { ...as({ sub, scope }), ...TUS, 'upload-defer-length': '1' }
    const made = await fetch(`${url}/uploads/tus`, { method: 'POST', headers })
    t.equal(made.status, 201, scope)
    const patched = await ask(url + made.headers.get('location'), {
      method: 'PATCH',
      headers: {
        ...as({ sub }),
        ...TUS,
        'upload-offset': '0',
        'upload-length': '6',
        'content-type': 'application/offset+octet-stream',
      },
      body: '123456',
    })
    isProblem(t, patched, 413, 'payload-too-large', scope)
    t.match(patched.body, { detail }, scope)
  }
})

t.test('an upload that no rule allows is refused with the methods that are allowed', async t => {
  const { url } = await startApi(t, [
    { name: 'staff', groups: ['staff'] },
    { name: 'grants', scopes: ['write'], methods: ['grant', 'tus'] },
  ])
  const post = (claims: object) =>
    ask(`${url}/uploads?filename=a`, { method: 'POST', headers: as({ ...claims }), body: 'x' })
  const nothing = await post({})
  isProblem(t, nothing, 403, 'upload-not-allowed')
  t.match(nothing.body, { detail: 'No rule of this service allows you to send a file as a raw body.' })
  t.match((await post({ scope: 'write' })).body, {
    detail: 'No rule of this service allows you to send a file as a raw body. You may send files by a grant or by tus.',
  })
  isProblem(t, await ask(`${url}/uploads/limits`, { headers: as({}) }), 403, 'upload-not-allowed')

  const auth = as(staff)
  const made = await fetch(`${url}/uploads/tus`, { method: 'POST', headers: { ...auth, ...TUS, 'upload-length': '5' } })
  t.equal(made.status, 201)
  const location = `${url}${made.headers.get('location')}`
  const sub = subOf(auth)
  const left = { ...as({ sub }), ...TUS }
  t.equal((await fetch(location, { method: 'HEAD', headers: left })).status, 403)
  t.equal(
    (await fetch(location, { method: 'DELETE', headers: left })).status,
    204,
    'who has left the group can still end an upload',
  )
})

t.test(
  'the object of an upload is stored below the key prefix of its rule, and is processed like any other',
  async t => {
    const { url } = await startApi(t, [{ name: 'all', keyPrefix: 'invoices/eu' }])
    const auth = as({})
    const prefix = `uploads/invoices/eu/${subOf(auth)}/`
    const sent = await ask(`${url}/uploads?filename=a.txt`, { method: 'POST', headers: auth, body: 'hello' })
    t.match(sent.body, { s3: { key: new RegExp(`^${prefix}[0-9a-f-]{36}/a\\.txt$`) } })
    const head = { ...TUS, 'upload-length': '5', 'upload-metadata': `filename ${btoa('b.txt')}` }
    const made = await fetch(`${url}/uploads/tus`, { method: 'POST', headers: { ...auth, ...head } })
    const patch = { ...auth, ...TUS, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }
    const location = made.headers.get('location') ?? ''
    t.equal((await fetch(url + location, { method: 'PATCH', headers: patch, body: 'hello' })).status, 204)
    const uploadId = location.split('/').at(-1)
    const upload = await ask(`${url}/uploads/${uploadId}`, { headers: auth })
    t.match(upload.body, { s3: { key: `${prefix}${uploadId}/b.txt` } })
    const content = await fetch(`${url}/uploads/${uploadId}/content`, { headers: auth })
    t.equal(await content.text(), 'hello')
  },
)

t.test('GET /uploads/limits has what the token may upload', async t => {
  const limits = async (claims: object) => (await ask(`${api.url}/uploads/limits`, { headers: as({ ...claims }) })).body
  t.match(await limits(staff), {
    maxFileBytes: 1_000,
    methods: ['json', 'form', 'raw', 'grant', 'tus'],
    allowedTypes: [],
  })
  t.match(await limits({}), { maxFileBytes: 20, maxFormFiles: 10, allowedTypes: [] })
  const { url } = await startApi(t, [{ name: 'a', methods: ['raw', 'grant'], maxBytes: 7, types: ['text/plain'] }])
  t.match((await ask(`${url}/uploads/limits`, { headers: as({}) })).body, {
    maxFileBytes: 7,
    methods: ['raw', 'grant'],
    allowedTypes: ['text/plain'],
  })
})

const MAXIMA = { maxBytes: 1_000, filesPerForm: 5 }

t.test('faults in UPLOAD_POLICIES are reported together, each with its rule', async t => {
  const faults = (value: unknown) => {
    try {
      readPolicies(typeof value === 'string' ? value : JSON.stringify(value), MAXIMA)
      return []
    } catch (error) {
      return (error as Error).message.split('\n')
    }
  }
  const message = (value: unknown) => faults(value).join('\n')
  const bad = message([
    { name: 'a', maxByte: 1, keyPrefix: '/x/../y' },
    { name: 'a', maxBytes: 1_001, filesPerForm: 6, types: ['Image'] },
    { groups: [], methods: ['gant'] },
    7,
  ])
  for (const expected of [
    'rule "a": "maxByte" is not a property. Did you mean "maxBytes"?',
    'rule "a": "types" must be a list of media types in lower case',
    'rule "a": "maxBytes" is more than MAX_UPLOAD_BYTES, which is 1000',
    'rule "a": "filesPerForm" is more than MAX_FORM_FILES, which is 5',
    'rule "a": "keyPrefix" must be names of folders',
    'rule "a": another rule has the same name',
    'rule 3: "name" is required',
    'rule 3: "groups" must be a list of groups',
    '"tus". Did you mean "grant"?',
    'rule 4: must be an object such as',
  ]) {
    t.match(bad, expected)
  }
  t.match(
    message([{ name: 'all' }, { name: 'staff', groups: ['s'] }]),
    'rule "all" applies to every upload, so these rules are never used: "staff"',
  )
  t.match(message('[1,'), 'UPLOAD_POLICIES: its value is not JSON')
  t.match(message([]), 'must be a list of rules')
  t.match(message('/none/rules.json'), 'is neither JSON nor a file that can be read: /none/rules.json (ENOENT)')
  t.equal(readPolicies(undefined, MAXIMA), undefined)
  const file = `${t.testdir()}/rules.json`
  writeFileSync(file, '[{ "name": "all", "maxBytes": 5 }]')
  t.strictSame(readPolicies(file, MAXIMA), [{ name: 'all', maxBytes: 5 }])
  await t.rejects(startApi(t, [{ name: 'x', maxBytes: 0 }]), { code: 'HEADGATE_CONFIGURATION' })
})
