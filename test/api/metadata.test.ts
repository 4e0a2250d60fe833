import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startAws } from '../support/aws.ts'
import { form } from './form.ts'
import {
  type Answer,
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  NO_TRACES,
  readObject,
  readStream,
} from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const METADATA = { project: 'apollo', 'cost_center-2': 'é 写真 100%' }
const OBJECT = { 'client-project': 'apollo', 'client-cost_center-2': '%C3%A9%20%E5%86%99%E7%9C%9F%20100%25' }
const TUS = { 'tus-resumable': '1.0.0' }

/** Returns a value of `Upload-Metadata`. */
const header = (pairs: Record<string, string>) =>
  Object.entries(pairs)
    .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
    .join(',')
const own = (pairs: Record<string, string>) =>
  Object.fromEntries(Object.entries(pairs).map(([name, value]) => [`metadata.${name}`, value]))

async function newUser() {
  const user = await createTestUser(aws)
  const send = (path: string, headers: Record<string, string>, body: string | Buffer<ArrayBuffer>) =>
    ask(`${api.url}${path}`, { method: 'POST', headers: { ...user.auth, ...headers }, body })
  const json = (path: string, body: object, headers = {}) =>
    send(path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body))
  const get = (path: string) => ask(`${api.url}${path}`, { headers: user.auth })
  /** Sends a file in a form, with fields before it. */
  const inForm = (fields: Array<[string, string]>, more: Array<[string, string]> = []) => {
    const parts = (pairs: Array<[string, string]>) => pairs.map(([name, value]) => ({ name, value }))
    const file = (name: string) => ({ name: 'f', filename: name, type: 'text/plain', value: 'x' })
    const rest = more.length > 0 ? [...parts(more), file('b.txt')] : []
    const { body, headers } = form([...parts(fields), file('a.txt'), ...rest])
    return send('/uploads', headers, body)
  }
  const tus = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    fetch(api.url + path, {
      method,
      headers: { ...user.auth, ...TUS, ...headers },
      ...(body !== undefined && { body }),
    })
  return { user, send, json, get, inForm, tus }
}

type Sent = { uploadId: string; s3: { key: string } }
const sent = (answer: Answer) => answer.body as unknown as Sent

/** Sends a file with METADATA by each method. Resolves to the responses of the last request. */
async function byEveryMethod({ user, send, json, inForm, tus, get }: Awaited<ReturnType<typeof newUser>>) {
  const granted = await json('/uploads/grants', {
    filename: 'a',
    contentType: 'text/plain',
    size: 1,
    metadata: METADATA,
  })
  const { put, complete } = granted.body as { put: { url: string; headers: Record<string, string> }; complete: string }
  await fetch(put.url, { method: 'PUT', headers: put.headers, body: 'x' })
  const created = { 'upload-length': '1', 'upload-metadata': header({ filename: 'a', ...own(METADATA), other: 'no' }) }
  const location = (await tus('POST', '/uploads/tus', created)).headers.get('location') ?? ''
  const bytes = { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }
  await tus('PATCH', location, bytes, 'x')
  return {
    json: await json('/uploads', { content: 'x', metadata: METADATA }),
    form: await inForm(Object.entries(own(METADATA))),
    raw: await send('/uploads?filename=a', { 'upload-metadata': header(own(METADATA)) }, 'x'),
    grant: await ask(`${api.url}${complete}`, { method: 'POST', headers: user.auth }),
    tus: await get(`/uploads/${location.split('/').at(-1)}`),
  }
}

t.test('metadata is kept on the record, the event and the object, and shown to the client', async t => {
  const someone = await newUser()
  const answers = await byEveryMethod(someone)
  const events = await readStream(aws)
  for (const [method, answer] of Object.entries(answers)) {
    t.equal(answer.status, 200, method)
    t.strictSame(answer.body.metadata, METADATA, `${method}: response`)
    const { uploadId, s3 } = sent(answer)
    t.strictSame((await someone.get(`/uploads/${uploadId}`)).body.metadata, METADATA, `${method}: record`)
    t.strictSame(events.find(event => event.uploadId === uploadId)?.metadata, METADATA, `${method}: event`)
    t.match((await readObject(aws, s3.key)).metadata, OBJECT, `${method}: object`)
  }
})

t.test('without metadata, nothing is written for it', async t => {
  const { user, json } = await newUser()
  const answer = await json('/uploads', { content: 'x', metadata: {} })
  t.notOk('metadata' in answer.body)
  const [record] = (await user.traces()).records
  t.notOk(record && 'metadata' in record)
  const event = (await readStream(aws)).find(({ uploadId }) => uploadId === sent(answer).uploadId)
  t.notOk(event && 'metadata' in event)
  t.strictSame(Object.keys((await readObject(aws, sent(answer).s3.key)).metadata ?? {}).sort(), [
    'filename',
    'filename-generated',
    'owner',
    'upload-id',
  ])
})

t.test('in a form, a field holds for the next file and all later ones, until it is given again', async t => {
  const { inForm, get } = await newUser()
  const answer = await inForm(
    [
      ['metadata.project', 'one'],
      ['metadata.team', 'red'],
      ['metadata.empty', ''],
    ],
    [['metadata.project', 'two']],
  )
  const [first, second] = answer.body.uploads as Sent[]
  t.strictSame((await get(`/uploads/${first?.uploadId}`)).body.metadata, { project: 'one', team: 'red' })
  t.strictSame((await get(`/uploads/${second?.uploadId}`)).body.metadata, { project: 'two', team: 'red' })
})

t.test('invalid metadata is refused by every method, and nothing is stored', async t => {
  const { user, json, inForm, send, tus } = await newUser()
  const refused: Array<[Record<string, string>, RegExp]> = [
    [{ Project: 'x' }, /^The metadata has the name "Project"\. A name has 1 to 64 lower-case letters/],
    [{ 'a.b': 'x' }, /has the name "a\.b"/],
    [{ ['n'.repeat(65)]: 'x' }, /has the name "n{64}…"/],
    [{ a: 'x\u0000' }, /has a control character, or bytes that are not UTF-8, in the value of "a"/],
    [{ a: 'x'.repeat(1_024) }, /has 1025 bytes\. The maximum is 1024/],
    [{ a: 'é'.repeat(171) }, /has 1027 bytes/],
    [Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`n${n}`, 'x'])), /has 33 names\. The maximum is 32/],
  ]
  for (const [metadata, detail] of refused) {
    const problems = [
      await json('/uploads', { content: 'x', metadata }),
      await json('/uploads/grants', { filename: 'a', contentType: 'text/plain', size: 1, metadata }),
      await send('/uploads?filename=a', { 'upload-metadata': header(own(metadata)) }, 'x'),
      ...(Object.keys(metadata).length < 16 ? [await inForm(Object.entries(own(metadata)))] : []),
    ]
    for (const problem of problems) {
      isProblem(t, problem, 400, 'invalid-metadata', String(detail))
      t.match(problem.body, { detail })
    }
    const head = { 'upload-length': '1', 'upload-metadata': header(own(metadata)) }
    t.match(await (await tus('POST', '/uploads/tus', head)).json(), { status: 400, detail })
  }
  isProblem(t, await json('/uploads', { metadata: { a: '' } }), 400, 'invalid-metadata')
  isProblem(t, await json('/uploads', { metadata: { a: 1 } }), 400, 'invalid-body')
  for (const malformed of [
    'metadata.a !',
    'metadata.a YQ== x',
    ',',
    'metadata.a YQ==,metadata.a Yg==',
    'metadata.a //4=',
    'a YQ==',
  ])
    isProblem(
      t,
      await send('/uploads?filename=a', { 'upload-metadata': malformed }, 'x'),
      400,
      'invalid-metadata',
      malformed,
    )
  const unknown = await send('/uploads?filename=a', { 'upload-metadata': 'project YQ==' }, 'x')
  t.match(unknown.body, { detail: /has the name "project"\. Did you mean "metadata\.project"\?/ })
  const bytes = { 'upload-length': '1', 'upload-metadata': 'metadata.a //4=' }
  t.equal((await tus('POST', '/uploads/tus', bytes)).status, 400, 'bytes that are not UTF-8, by tus')
  isProblem(t, await inForm([['metadata.__proto__', 'x']]), 400, 'invalid-metadata', 'a form field __proto__')
  const long = { metadata: { a: 'x'.repeat(1_023) }, filename: `${'ü'.repeat(400)}.txt` }
  const both = await json('/uploads', long)
  isProblem(t, both, 400, 'invalid-metadata')
  t.match(both.body, { detail: /together \d+ bytes longer than S3 allows/ })
  isProblem(t, await json('/uploads/grants', { ...long, contentType: 'a/b', size: 1 }), 400, 'invalid-metadata')
  t.same(await user.traces(), NO_TRACES)
})

t.test('as much metadata as is allowed is stored', async t => {
  const { json } = await newUser()
  const metadata = { a: 'x'.repeat(1_023) }
  const answer = await json('/uploads', { content: 'x', metadata })
  t.equal(answer.status, 200)
  t.strictSame((await readObject(aws, sent(answer).s3.key)).metadata?.['client-a'], metadata.a)
})

t.test('a repeated request with other metadata is another request', async t => {
  const { json } = await newUser()
  for (const [path, rest] of [
    ['/uploads', { content: 'x' }],
    ['/uploads/grants', { filename: 'a', contentType: 'text/plain', size: 1 }],
  ] as const) {
    const key = { 'idempotency-key': randomUUID() }
    const both = { a: '1', b: '2' }
    t.ok((await json(path, { ...rest, metadata: both }, key)).status < 300)
    const again = await json(path, { ...rest, metadata: { b: '2', a: '1' } }, key)
    t.equal(again.headers.get('idempotent-replayed'), 'true', 'the order of names has no meaning')
    isProblem(t, await json(path, { ...rest, metadata: { a: '1' } }, key), 422, 'idempotency-key-reused')
    isProblem(t, await json(path, rest, key), 422, 'idempotency-key-reused')
  }
})

t.test('uploads are listed by one name and its value, over pages', async t => {
  const { json, get } = await newUser()
  const wanted: string[] = []
  for (let n = 0; n < 8; n++) {
    const metadata = n % 2 === 0 ? { project: 'a:b c' } : n === 1 ? undefined : { project: 'other', note: 'a:b c' }
    const answer = await json('/uploads', { content: 'x', ...(metadata && { metadata }) })
    if (n % 2 === 0) wanted.unshift(sent(answer).uploadId)
  }
  const found: string[] = []
  let pages = 0
  for (let next = `/uploads?limit=3&metadata=${encodeURIComponent('project:a:b c')}`; next; pages++) {
    const { status, body } = await get(next)
    t.equal(status, 200)
    const page = body as unknown as { uploads: Sent[]; next?: string }
    found.push(...page.uploads.map(({ uploadId }) => uploadId))
    next = page.next ?? ''
  }
  t.strictSame(found, wanted)
  t.equal(pages, 2)
  t.match((await get('/uploads?metadata=project:none')).body, { uploads: [] })
  t.match((await get('/uploads?status=failed&metadata=project:other')).body, { uploads: [] })
  for (const invalid of ['project', ':x', 'Project:x', 'project:'])
    isProblem(t, await get(`/uploads?metadata=${invalid}`), 400, 'invalid-body', invalid)
})

t.test('metadata is never logged', async t => {
  const { json } = await newUser()
  await json('/uploads', { content: 'x', metadata: { secret: 'hunter2' } })
  await json('/uploads', { content: 'x', metadata: { Secret: 'hunter2' } })
  t.notMatch(api.log.join(''), /hunter2/)
})
