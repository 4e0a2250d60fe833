import { createHash } from 'node:crypto'
import t from 'tap'
import { startAws } from '../support/aws.ts'
import {
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  keyOf,
  NO_TRACES,
  postJson,
  readObject,
  readStream,
} from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

t.test('a JSON upload is stored, recorded and put on the stream', async t => {
  const user = await createTestUser(aws)
  const answer = await postJson(api, user, { filename: 'demo.txt', content: 'hello kinesis' })
  t.equal(answer.status, 200)
  const { uploadId, uploadedAt } = answer.body as { uploadId: string; uploadedAt: string }
  const key = `uploads/${user.sub}/${uploadId}/demo.txt`
  const sha256 = createHash('sha256').update('hello kinesis').digest('hex')
  t.match(uploadId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.same(answer.body, {
    message: 'Uploaded and queued for processing',
    s3: { bucket: aws.env.UPLOAD_BUCKET, key },
    uploadId,
    status: 'queued',
    filename: 'demo.txt',
    contentType: 'text/plain; charset=utf-8',
    size: 13,
    sha256,
    uploadedAt,
  })
  t.equal(answer.headers.get('location'), `/uploads/${uploadId}`)

  const object = await readObject(aws, key)
  t.equal(object.bytes.toString(), 'hello kinesis')
  t.equal(object.contentType, 'text/plain; charset=utf-8')
  t.same(object.metadata, { 'upload-id': uploadId, owner: user.sub, filename: 'demo.txt' })

  const { records } = await user.traces()
  t.match(records, [{ owner: user.sub, uploadId, status: 'queued', key }])
  t.notOk(records[0]?.outboxPartition, 'the outbox mark is off')

  const events = await readStream(aws)
  const event = events.find(each => each.uploadId === uploadId)
  const { traceparent, ...rest } = event ?? {}
  t.match(traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  t.same(rest, {
    version: 1,
    bucket: aws.env.UPLOAD_BUCKET,
    key,
    uploadId,
    userSub: user.sub,
    filename: 'demo.txt',
    contentType: 'text/plain; charset=utf-8',
    size: 13,
    sha256,
    uploadedAt,
    requestId: answer.headers.get('x-request-id'),
  })
})

t.test('missing JSON properties have the defaults of the tutorial', async t => {
  const user = await createTestUser(aws)
  const before = Date.now()
  const answer = await postJson(api, user, {})
  t.equal(answer.status, 200)
  const [, epoch] = /^file-(\d+)\.txt$/.exec(String(answer.body.filename)) ?? []
  t.ok(Number(epoch) >= before && Number(epoch) <= Date.now(), `the time is in the name: ${epoch}`)
  t.equal((await readObject(aws, keyOf(answer))).bytes.toString(), 'empty')
})

t.test('an empty content is an empty file, not the default', async t => {
  const user = await createTestUser(aws)
  const answer = await postJson(api, user, { filename: 'nothing.txt', content: '' })
  t.match(answer, { status: 200, body: { size: 0 } })
  t.equal((await readObject(aws, keyOf(answer))).bytes.length, 0)
})

t.test('a file name of any script, with spaces, is kept', async t => {
  const user = await createTestUser(aws)
  const filename = 'Größe – 写真 🎉 (1), final.txt'
  const answer = await postJson(api, user, { filename, content: 'x' })
  t.match(answer, { status: 200, body: { filename } })
  const { metadata } = await readObject(aws, keyOf(answer))
  t.equal(decodeURIComponent(metadata?.filename ?? ''), filename)
})

const wrongBodies: Array<[string, unknown, string]> = [
  ['a name that is a number', { filename: 123 }, 'invalid-body'],
  ['a name that is null', { filename: null }, 'invalid-body'],
  ['a content that is null', { content: null }, 'invalid-body'],
  ['a content that is an object', { content: {} }, 'invalid-body'],
  ['a property that is not known', { filename: 'a.txt', content: 'x', owner: 'me' }, 'invalid-body'],
  ['a property that poisons prototypes', '{"__proto__":{"filename":"a"}}', 'invalid-body'],
  ['an array', [], 'invalid-body'],
  ['a string', '"hello"', 'invalid-body'],
  ['null', 'null', 'invalid-body'],
  ['half a surrogate pair in the content', '{"content":"\\ud800"}', 'invalid-body'],
  ['cut off JSON', '{"filename":"a.txt"', 'malformed-json'],
  ['no JSON', 'filename=a.txt', 'malformed-json'],
  ['an empty body', '', 'malformed-json'],
]

t.test('an invalid JSON body is rejected, and nothing is stored', async t => {
  const user = await createTestUser(aws)
  for (const [name, body, slug] of wrongBodies) isProblem(t, await postJson(api, user, body), 400, slug, name)
  t.same(await user.traces(), NO_TRACES)
})

t.test('JSON that is not UTF-8 is rejected', async t => {
  const user = await createTestUser(aws)
  const response = await fetch(`${api.url}/uploads`, {
    method: 'POST',
    headers: { ...user.auth, 'content-type': 'application/json' },
    body: Buffer.from('{"content":"\xff"}', 'latin1'),
  })
  t.equal(response.status, 400)
  t.match(await response.json(), { type: 'urn:headgate:problem:malformed-json' })
})

t.test('JSON over its limit gets 413', async t => {
  const small = await buildTestApi(t, aws, { env: { MAX_JSON_BYTES: '2048' } })
  const user = await createTestUser(aws)
  isProblem(t, await postJson(small, user, { content: 'x'.repeat(2048) }), 413, 'payload-too-large')
  t.same(await user.traces(), NO_TRACES)
  t.equal((await postJson(small, user, { content: 'x'.repeat(2000) })).status, 200)
})

t.test('the text of a JSON upload has the limit of files too', async t => {
  const small = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '10' } })
  const user = await createTestUser(aws)
  isProblem(t, await postJson(small, user, { content: 'x'.repeat(11) }), 413, 'payload-too-large')
  t.same(await user.traces(), NO_TRACES)
})

t.test('neither a token nor a content is logged', async t => {
  const user = await createTestUser(aws)
  await postJson(api, user, { filename: 'secret.txt', content: 'the quick brown fox' })
  await postJson(api, user, '{"content":"the quick brown fox')
  const log = api.log.join('')
  t.match(log, user.sub, 'the request is logged')
  t.notOk(log.includes(user.accessToken))
  t.notOk(log.includes('quick brown'))
})

t.test('with a flat template the key is the file name, and the log warns about it', async t => {
  const flat = await buildTestApi(t, aws, { env: { KEY_TEMPLATE: 'uploads/{filename}' } })
  const user = await createTestUser(aws)
  t.match(await postJson(flat, user, { filename: 'flat.txt' }), {
    status: 200,
    body: { s3: { key: 'uploads/flat.txt' } },
  })
  t.match(flat.log.join(''), /overwrite each other/)
})

t.test('JSON with another charset than UTF-8 is rejected by its content type', async t => {
  const user = await createTestUser(aws)
  const send = (type: string) =>
    ask(`${api.url}/uploads`, {
      method: 'POST',
      headers: { ...user.auth, 'content-type': type },
      body: Buffer.from('{"content":"x"}'),
    })
  for (const charset of ['utf-16', '"UTF-16"', 'iso-8859-1', ' utf-16le']) {
    isProblem(t, await send(`application/json; charset=${charset}`), 415, 'unsupported-media-type', charset)
  }
  t.same(await user.traces(), NO_TRACES)
  for (const type of ['application/json;charset=UTF-8', 'application/json; Charset="utf-8"', 'application/json; a=b']) {
    t.equal((await send(type)).status, 200, type)
  }
})
