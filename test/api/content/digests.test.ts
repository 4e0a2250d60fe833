import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { parseDigests } from '../../../services/api/content/digest-field.ts'
import { startAws } from '../../support/aws.ts'
import { type FormPart, form } from '../form.ts'
import {
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  keyOf,
  NO_TRACES,
  readObject,
  type TestUser,
} from '../support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

const digest = (algorithm: 'sha-256' | 'sha-512', bytes: string | Uint8Array) =>
  `${algorithm}=:${createHash(algorithm.replace('-', '')).update(bytes).digest('base64')}:`

const small = Buffer.from('hello kinesis')
const large = randomBytes(20 * 1024 ** 2 + 1)

const raw = (user: TestUser, headers: Record<string, string>, body: Uint8Array<ArrayBuffer>) =>
  ask(`${api.url}/uploads?filename=a.bin`, { method: 'POST', headers: { ...user.auth, ...headers }, body })

const sendForm = (
  user: TestUser,
  parts: FormPart[],
  headers: (body: Buffer) => Record<string, string> = () => ({}),
) => {
  const { body, headers: own } = form(parts)
  return ask(`${api.url}/uploads`, { method: 'POST', headers: { ...user.auth, ...own, ...headers(body) }, body })
}

t.test('a body that matches its digest is accepted', async t => {
  const user = await createTestUser(aws)
  const fields: Array<[string, Record<string, string>]> = [
    ['sha-256', { 'content-digest': digest('sha-256', small) }],
    ['sha-512', { 'content-digest': digest('sha-512', small) }],
    ['both', { 'content-digest': `${digest('sha-256', small)}, ${digest('sha-512', small)}` }],
    ['of the representation', { 'repr-digest': digest('sha-256', small) }],
    ['both fields', { 'repr-digest': digest('sha-256', small), 'content-digest': digest('sha-512', small) }],
    ['beside an unknown algorithm', { 'content-digest': `md5=:AAAA:, ${digest('sha-256', small)}` }],
    ['only an unknown algorithm', { 'content-digest': 'crc32c=:AAAA:' }],
    ['in capitals', { 'content-digest': digest('sha-256', small).replace('sha', 'SHA') }],
    ['with a parameter', { 'content-digest': `${digest('sha-256', small)};a=1` }],
  ]
  for (const [name, headers] of fields) t.equal((await raw(user, headers, small)).status, 200, name)
})

t.test('a wrong digest whose algorithm is in upper case is not ignored', async t => {
  const user = await createTestUser(aws)
  const headers = { 'content-digest': digest('sha-256', Buffer.from('other')).replace('sha', 'Sha') }
  isProblem(t, await raw(user, headers, small), 400, 'digest-mismatch')
})

t.test('a body that does not match its digest is rejected, and nothing is stored, for any size', async t => {
  const user = await createTestUser(aws)
  const other = digest('sha-256', 'other')
  const cases: Array<[string, Record<string, string>]> = [
    ['sha-256', { 'content-digest': other }],
    ['sha-512', { 'content-digest': digest('sha-512', 'other') }],
    ['of the representation', { 'repr-digest': other }],
    ['one of two fields', { 'content-digest': digest('sha-256', small), 'repr-digest': other }],
    ['one of two algorithms', { 'content-digest': `${digest('sha-256', small)}, ${digest('sha-512', 'other')}` }],
    ['one of two of an algorithm', { 'content-digest': `${other}, ${digest('sha-256', small)}` }],
  ]
  for (const [name, headers] of cases) isProblem(t, await raw(user, headers, small), 400, 'digest-mismatch', name)
  isProblem(t, await raw(user, { 'content-digest': other }, large), 400, 'digest-mismatch', 'several parts')
  isProblem(t, await raw(user, { 'content-digest': other }, Buffer.alloc(0)), 400, 'digest-mismatch', 'no body')
  t.same(await user.traces(), NO_TRACES)
})

t.test('a malformed digest is rejected before the body is read', async t => {
  const user = await createTestUser(aws)
  const short = `sha-256=:${Buffer.alloc(16).toString('base64')}:`
  for (const field of [
    '',
    'sha-256',
    'sha-256=abc',
    'sha-256=:a b:',
    'SHA-256=:AAAA:',
    short,
    'x'.repeat(5_000),
    'a=:AA==:,,',
  ]) {
    isProblem(t, await raw(user, { 'content-digest': field }, small), 400, 'invalid-digest', field.slice(0, 40))
  }
  t.same(await user.traces(), NO_TRACES)
})

t.test('a hostile digest is parsed in little time', async t => {
  const hostile = [
    'a=:AA==:'.repeat(400),
    `sha-256=:AA==:${';a'.repeat(1_000)}\x01`,
    `${'a'.repeat(4_000)}=`,
    ';'.repeat(4_000),
  ]
  for (const field of hostile)
    t.throws(() => parseDigests('Content-Digest', field), { code: 'HEADGATE_PROBLEM', message: /RFC 9530/ })
  t.same(parseDigests('Content-Digest', '__proto__=:AA==:, constructor=:AA==:'.replaceAll('_', 'a')), [])
})

t.test('the digest of a JSON upload covers the body', async t => {
  const user = await createTestUser(aws)
  const body = Buffer.from('{"content":"hello"}')
  const send = (of: string | Uint8Array) =>
    ask(`${api.url}/uploads`, {
      method: 'POST',
      headers: { ...user.auth, 'content-type': 'application/json', 'content-digest': digest('sha-256', of) },
      body,
    })
  isProblem(t, await send('hello'), 400, 'digest-mismatch', 'that of the text')
  t.same(await user.traces(), NO_TRACES)
  t.equal((await send(body)).status, 200)
})

const file = (value: string | Uint8Array): FormPart => ({ name: 'file', filename: 'a.bin', type: 'image/x-any', value })

t.test('the digest of a form covers all its bytes', async t => {
  const user = await createTestUser(aws)
  for (const value of [small, large]) {
    const wrong = await sendForm(user, [file(value)], () => ({ 'content-digest': digest('sha-256', value) }))
    isProblem(t, wrong, 400, 'digest-mismatch', 'that of the file')
    isProblem(
      t,
      await sendForm(user, [file(value), file('second')], () => ({ 'content-digest': digest('sha-256', 'x') })),
      400,
      'digest-mismatch',
      'two files',
    )
  }
  t.same(await user.traces(), NO_TRACES)
  const right = await sendForm(user, [file(large)], body => ({ 'content-digest': digest('sha-512', body) }))
  t.equal(right.status, 200)
  t.ok((await readObject(aws, keyOf(right))).bytes.equals(large))
})

t.test('the field repr-digest of a form covers the file after it', async t => {
  const user = await createTestUser(aws)
  const field = (of: string | Uint8Array): FormPart => ({ name: 'repr-digest', value: digest('sha-256', of) })
  isProblem(t, await sendForm(user, [field('other'), file(large)]), 400, 'digest-mismatch')
  isProblem(t, await sendForm(user, [file('a'), field('other'), file('b')]), 400, 'digest-mismatch', 'the second file')
  isProblem(t, await sendForm(user, [file('a'), field('a')]), 400, 'malformed-multipart', 'behind the last')
  isProblem(t, await sendForm(user, [{ name: 'repr-digest', value: 'x' }, file('a')]), 400, 'invalid-digest')
  t.same(await user.traces(), NO_TRACES)
  t.equal((await sendForm(user, [field('a'), file('a'), field('b'), file('b')])).status, 200)
})
