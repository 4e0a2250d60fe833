import { randomBytes } from 'node:crypto'
import t from 'tap'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy, to } from '../support/fault-proxy.ts'
import { awsError } from '../support/faults/aws-errors.ts'
import { loseReply } from '../support/faults/faults.ts'
import { type FormPart, form } from './form.ts'
import {
  type Answer,
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  NO_TRACES,
  readObject,
  type TestApi,
  type TestUser,
} from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

const file = (filename: string, value: string | Uint8Array = `the text of ${filename}`): FormPart => ({
  name: 'file',
  filename,
  type: 'text/plain',
  value,
})

const send = (user: TestUser, parts: FormPart[], { url }: Pick<TestApi, 'url'> = api, query = ''): Promise<Answer> => {
  const { body, headers } = form(parts)
  return ask(`${url}/uploads${query}`, { method: 'POST', headers: { ...user.auth, ...headers }, body })
}

interface Several {
  uploads: Array<{ uploadId: string; filename: string; status: string; s3: { key: string } }>
}

t.test('each file of a form becomes a separate upload, in the order of the form', async t => {
  const user = await createTestUser(aws)
  const large = randomBytes(17 * 1024 ** 2)
  const parts = [
    file('a.txt'),
    { name: 'note', value: 'x' },
    { ...file('b.bin', large), type: 'application/x-any' },
    { name: 'filename', value: 'named.txt' },
    file('c.txt'),
    file('a.txt'),
  ]
  const answer = await send(user, parts)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('location'), null)
  const { uploads } = answer.body as unknown as Several
  t.same(
    uploads.map(({ filename, status }) => `${filename} ${status}`),
    ['a.txt queued', 'b.bin queued', 'named.txt queued', 'a.txt queued'],
  )
  t.equal(new Set(uploads.map(({ uploadId }) => uploadId)).size, 4)
  t.ok((await readObject(aws, uploads[1]?.s3.key ?? '')).bytes.equals(large))
  const { records, objects } = await user.traces()
  t.equal(objects.length, 4)
  t.same(
    records.map(({ uploadId }) => uploadId),
    uploads.map(({ uploadId }) => uploadId).sort(),
  )
  const shown = await ask(`${api.url}/uploads/${uploads[2]?.uploadId}`, { headers: user.auth })
  t.match(shown, { status: 200, body: { filename: 'named.txt' } })
})

t.test('a form may have exactly the configured maximum of files', async t => {
  const two = await buildTestApi(t, aws, { env: { MAX_FORM_FILES: '2' } })
  const user = await createTestUser(aws)
  isProblem(t, await send(user, [file('a'), file('b'), file('c')], two), 400, 'too-many-files')
  isProblem(
    t,
    await send(user, [file('a', randomBytes(9 * 1024 ** 2).fill('x')), file('b'), file('c')], two),
    400,
    'too-many-files',
  )
  isProblem(t, await send(user, [file('a'), file('b')], two, '?filename=x'), 400, 'too-many-files', 'one name for two')
  t.same(await user.traces(), NO_TRACES)
  t.equal((await send(user, [file('a'), file('b')], two)).status, 200)
})

t.test('a rejected file rejects the whole form, and the files before it are removed', async t => {
  const small = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '100' } })
  const wrong: Array<[string, FormPart[], number, string]> = [
    ['a name', [file('../c')], 400, 'invalid-filename'],
    ['a type', [{ ...file('c'), type: 'nonsense' }], 400, 'invalid-content-type'],
    ['a size', [file('c', 'x'.repeat(101))], 413, 'payload-too-large'],
    ['bytes', [file('c', Buffer.from('PK\x03\x04\x14\0\0\0\0\0'))], 415, 'content-type-contradicted'],
    ['a digest', [{ name: 'repr-digest', value: `sha-256=:${'A'.repeat(43)}=:` }, file('c')], 400, 'digest-mismatch'],
    ['a field behind it', [file('c'), { name: 'filename', value: 'late' }], 400, 'malformed-multipart'],
  ]
  for (const [what, parts, status, slug] of wrong) {
    const user = await createTestUser(aws)
    isProblem(t, await send(user, [file('a'), file('b'), ...parts], small), status, slug, what)
    t.same(await user.traces(), NO_TRACES, what)
  }
  const user = await createTestUser(aws)
  const cut = form([file('a'), file('b'), file('c')], { end: '' })
  const headers = { ...user.auth, ...cut.headers }
  isProblem(
    t,
    await ask(`${small.url}/uploads`, { method: 'POST', headers, body: cut.body }),
    400,
    'malformed-multipart',
  )
  t.same(await user.traces(), NO_TRACES, 'cut off')
})

t.test('if S3 rejects the third file, the first two are removed', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const own = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  const user = await createTestUser(aws)
  const fault = awsError('s3', { status: 503, code: 'ServiceUnavailable' })
  proxy.inject(fault, { when: to('PUT', /third\.txt/) })
  isProblem(t, await send(user, [file('first.txt'), file('second.txt'), file('third.txt')], own), 503, 'unavailable')
  t.same(await user.traces(), NO_TRACES)
})

t.test('if only some files can be recorded, the response lists the accepted ones', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const own = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const user = await createTestUser(aws)
  const fault = awsError('dynamodb', { status: 500, code: 'InternalServerError' })
  let puts = 0
  const isFirst = operation('PutItem')
  // The first record is written, and all later writes fail, including the retries of the SDK.
  proxy.inject(fault, { when: request => isFirst(request) && ++puts > 1 })
  const answer = await send(user, [file('a'), file('b'), file('c')], own)
  isProblem(t, answer, 503, 'unavailable')
  const { records, objects } = await user.traces()
  t.equal(records.length, 1)
  t.equal(objects.length, 1, 'nothing is kept of the other files')
  t.equal(
    answer.body.detail,
    `1 of the 3 files were accepted: ${records[0]?.uploadId}. These files, by their position in the request, were not accepted: 2, 3. Send them again.`,
  )
})

t.test('if the result of a file is unknown, the client is not told to send it again', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const own = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const user = await createTestUser(aws)
  const lost = awsError('dynamodb', { status: 500, code: 'InternalServerError' })
  let puts = 0
  // The second record is written, its response is lost, and all later reads of it fail.
  proxy.inject(loseReply, { when: request => operation('PutItem')(request) && ++puts > 1 })
  proxy.inject(lost, { when: operation('GetItem') })
  const answer = await send(user, [file('a'), file('b')], own)
  const { records } = await user.traces()
  t.equal(records.length, 2)
  t.match(
    answer.body.detail,
    /^1 of the 2 files were accepted: [0-9a-f-]{36}\. It is unknown whether these files were accepted: [12]\. List/,
  )
})
