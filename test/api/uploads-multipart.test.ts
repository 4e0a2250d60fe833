import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { startAws } from '../support/aws.ts'
import { type Form, type FormPart, form } from './form.ts'
import { ask, buildTestApi, createTestUser, isProblem, keyOf, NO_TRACES, readObject, type TestUser } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

const post = (
  user: TestUser,
  { body, headers }: Pick<Form, 'body'> & { headers: Record<string, string> },
  query = '',
) => ask(`${api.url}/uploads${query}`, { method: 'POST', headers: { ...user.auth, ...headers }, body })

const file = (part: Partial<FormPart> = {}): FormPart => ({
  name: 'file',
  filename: 'a.txt',
  type: 'text/plain',
  value: 'hello',
  ...part,
})

t.test('a form that a browser sends is stored with its name and its type', async t => {
  const user = await createTestUser(aws)
  const data = new FormData()
  data.append('file', new Blob([Buffer.from([0, 1, 2, 255])], { type: 'image/png' }), 'Bild – 写真.png')
  const answer = await ask(`${api.url}/uploads`, { method: 'POST', headers: user.auth, body: data })
  t.match(answer, {
    status: 200,
    body: { filename: 'Bild – 写真.png', contentType: 'image/png', size: 4, status: 'queued' },
  })
  const object = await readObject(aws, keyOf(answer))
  t.same([...object.bytes], [0, 1, 2, 255])
  t.equal(object.contentType, 'image/png')
})

t.test('a file of several parts arrives byte for byte', async t => {
  const user = await createTestUser(aws)
  const value = randomBytes(20 * 1024 ** 2 + 17)
  const answer = await post(user, form([file({ value, filename: 'big.bin', type: 'application/x-big' })]))
  const sha256 = createHash('sha256').update(value).digest('hex')
  t.match(answer, { status: 200, body: { size: value.length, sha256 } })
  const { bytes, contentType } = await readObject(aws, keyOf(answer))
  t.ok(bytes.equals(value))
  t.equal(contentType, 'application/x-big')
})

t.test('an empty file is accepted', async t => {
  const user = await createTestUser(aws)
  t.match(await post(user, form([file({ value: '' })])), { status: 200, body: { size: 0, filename: 'a.txt' } })
})

const namings: Array<[string, FormPart[], string, string]> = [
  ['a field before the file', [{ name: 'filename', value: 'b.txt' }, file()], '', 'b.txt'],
  [
    'the query, which takes precedence over a field',
    [{ name: 'filename', value: 'b.txt' }, file()],
    '?filename=c.txt',
    'c.txt',
  ],
  ['a field, if the part has no file name', [{ name: 'filename', value: 'b.txt' }, unnamed()], '', 'b.txt'],
  [
    'the part, with other fields in the form',
    [{ name: 'note', value: 'x' }, file(), { name: 'more', value: 'y' }],
    '',
    'a.txt',
  ],
]

function unnamed(): FormPart {
  return { name: 'file', type: 'application/octet-stream', value: 'bytes' }
}

t.test('the file name of a form comes from', async t => {
  const user = await createTestUser(aws)
  for (const [name, parts, query, filename] of namings) {
    t.match(await post(user, form(parts), query), { status: 200, body: { filename } }, name)
  }
})

/** Returns what a browser sends for a file input without a file. */
function unfilled(): FormPart {
  return { name: 'other', filename: '', type: 'application/octet-stream', value: '' }
}

t.test('file inputs without a file are skipped and not counted', async t => {
  const user = await createTestUser(aws)
  const parts = [...Array.from({ length: 30 }, unfilled), file(), unfilled()]
  t.match(await post(user, form(parts)), { status: 200, body: { filename: 'a.txt', size: 5 } })
  const named = [{ name: 'filename', value: '' }, unfilled(), { name: 'filename', value: '' }, file()]
  t.match(await post(user, form(named)), { status: 200, body: { filename: 'a.txt' } })
})

t.test('a file keeps the parameters of its type', async t => {
  const user = await createTestUser(aws)
  const answer = await post(user, form([file({ type: 'text/plain; charset=iso-8859-15; format=flowed' })]))
  t.match(answer, { status: 200, body: { contentType: 'text/plain; charset=iso-8859-15; format=flowed' } })
  t.equal((await readObject(aws, keyOf(answer))).contentType, 'text/plain; charset=iso-8859-15; format=flowed')
})

t.test('a file without a name is named by the time', async t => {
  const user = await createTestUser(aws)
  const answer = await post(user, form([unnamed()]))
  t.match(answer, { status: 200, body: { filename: /^file-\d+\.txt$/, contentType: 'application/octet-stream' } })
})

const big = 'x'.repeat(9 * 1024 ** 2)

const refused: Array<[string, Form, string]> = [
  ['an eleventh file', form(Array.from({ length: 11 }, () => file())), 'too-many-files'],
  [
    'a name after the last file',
    form([file(), file(), { name: 'filename', value: 'late.txt' }]),
    'malformed-multipart',
  ],
  ['an invalid name of a later file', form([file(), file({ filename: '..' })]), 'invalid-filename'],
  ['an invalid type of a later file', form([file(), file({ type: 'nonsense' })]), 'invalid-content-type'],
  ['no file', form([{ name: 'filename', value: 'a.txt' }]), 'missing-file'],
  ['no part at all', form([]), 'missing-file'],
  ['a name after the file', form([file(), { name: 'filename', value: 'late.txt' }]), 'malformed-multipart'],
  ['a name that is a long text', form([{ name: 'filename', value: 'x'.repeat(9_000) }, file()]), 'malformed-multipart'],
  ['more fields than are read', form([...fields(17), file()]), 'malformed-multipart'],
  ['a cut off end', form([file()], { end: '' }), 'malformed-multipart'],
  ['a cut off end of a large file', form([file({ value: big })], { end: '' }), 'malformed-multipart'],
  ['a body that is no form', { ...form([]), body: Buffer.from('hello') }, 'malformed-multipart'],
  ['file inputs without a file alone', form([unfilled(), unfilled()]), 'missing-file'],
  ['bytes under an empty name', form([file({ filename: '' })]), 'invalid-filename'],
  ['an invalid type', form([file({ type: 'nonsense' })]), 'invalid-content-type'],
]

function fields(count: number): FormPart[] {
  return Array.from({ length: count }, (_, index) => ({ name: `field${index}`, value: 'x' }))
}

t.test('an invalid form gets 400, and nothing of it is stored', async t => {
  const user = await createTestUser(aws)
  for (const [name, body, slug] of refused) isProblem(t, await post(user, body), 400, slug, name)
  t.same(await user.traces(), NO_TRACES)
})

t.test('a form without a boundary and an empty body get 400', async t => {
  const user = await createTestUser(aws)
  const headers = { 'content-type': 'multipart/form-data' }
  isProblem(t, await post(user, { ...form([file()]), headers }), 400, 'malformed-multipart')
  const empty = await post(user, { ...form([]), body: Buffer.alloc(0) })
  isProblem(t, empty, 400, 'missing-file')
  t.same(await user.traces(), NO_TRACES)
})
