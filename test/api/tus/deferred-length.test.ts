import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { Upload } from 'tus-js-client'
import { startAws } from '../../support/aws.ts'
import { type Fault, startFaultProxy, to } from '../../support/fault-proxy.ts'
import { loseReply } from '../../support/faults/faults.ts'
import { ask, buildTestApi, createTestUser, NO_TRACES, readObject, type TestUser } from '../support.ts'
import { tusClient, uploadIdOf } from './client.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const DEFERRED = { 'upload-defer-length': '1' }

/** Creates an upload without its length. */
async function begin(client: ReturnType<typeof tusClient>): Promise<string> {
  const { status, headers } = await client.request('POST', '/uploads/tus', DEFERRED)
  if (status !== 201) throw new Error(`Not begun: ${status}`)
  return headers.get('location') ?? ''
}

const lengthOf = (size: number) => ({ 'upload-length': String(size) })

async function tailsOf({ sub }: TestUser): Promise<number> {
  const where = { Bucket: aws.env.UPLOAD_BUCKET, Prefix: `tails/${sub}/` }
  return (await aws.s3.send(new ListObjectsV2Command(where))).KeyCount ?? 0
}

/** Asserts that the user has exactly this upload, whole, and nothing else. */
async function isTheOnlyUpload(t: Test, user: TestUser, bytes: Buffer, what: string): Promise<void> {
  const { objects, openUploads, records } = await user.traces()
  t.match(records, [{ status: /queued|stored/, size: bytes.length }], what)
  t.match(
    { objects: objects.length, records: records.length, openUploads },
    { objects: 1, records: 1, openUploads: 0 },
    what,
  )
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes), what)
}

t.test('the length may be announced with the first bytes, the last bytes, or after them', async t => {
  for (const size of [0, 5, 8 * MIB, 17 * MIB + 1]) {
    for (const when of ['first', 'last', 'after']) {
      const user = await createTestUser(aws)
      const client = tusClient(api, user)
      const url = await begin(client)
      const bytes = randomBytes(size)
      const half = Math.floor(size / 2)
      const patch = async (from: number, end: number, isNow: boolean) => {
        const sent = await client.patch(url, from, bytes.subarray(from, end), isNow ? lengthOf(size) : {})
        t.equal(sent.status, 204, `${size} ${when}: ${JSON.stringify(sent.body)}`)
        t.equal(sent.headers.get('upload-offset'), String(end))
      }
      if (size > 0) await patch(0, half, when === 'first')
      const head = await client.head(url)
      t.equal(head.headers.get('upload-defer-length'), when === 'first' && size > 0 ? null : '1')
      t.equal(head.headers.get('upload-length'), when === 'first' && size > 0 ? String(size) : null)
      if (size > 0) await patch(half, size, when === 'last')
      if (when === 'after') {
        t.equal(await client.offset(url), size)
        t.match((await user.traces()).records, [{ status: 'pending', size: 0 }])
      }
      if (when === 'after' || size === 0) await patch(size, size, true)
      await isTheOnlyUpload(t, user, bytes, `${size} ${when}`)
      t.equal(await tailsOf(user), 0)
      t.equal((await client.head(url)).headers.get('upload-length'), String(size))
    }
  }
})

t.test('an upload whose length is not known shows the size 0, and can be deleted', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const url = await begin(client)
  t.match(await client.patch(url, 0, randomBytes(9 * MIB)), { status: 204 })
  const seen = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
  t.match(seen.body, { status: 'pending', size: 0 })
  const other = tusClient(api, await createTestUser(aws))
  t.match(await other.patch(url, 9 * MIB, Buffer.alloc(0), lengthOf(9 * MIB)), { status: 404 })
  t.match(await client.request('DELETE', url), { status: 204 })
  t.same(await user.traces(), NO_TRACES)
  t.equal(await tailsOf(user), 0)
})

t.test('the length never changes, and is within the offset and the maximum', async t => {
  const small = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '100' } })
  const user = await createTestUser(aws)
  const client = tusClient(small, user)
  const url = await begin(client)
  const bytes = randomBytes(100)
  t.match(await client.patch(url, 0, bytes.subarray(0, 60)), { status: 204 })
  const none = Buffer.alloc(0)
  t.match(await client.patch(url, 60, none, lengthOf(59)), { status: 400 }, 'less than has arrived')
  t.match(await client.patch(url, 60, none, lengthOf(101)), { status: 413 }, 'more than the maximum')
  t.match(await client.patch(url, 60, none, { 'upload-length': 'many' }), { status: 400 })
  t.match(await client.patch(url, 60, randomBytes(41)), { status: 413 }, 'more bytes than the maximum')
  const chunked = Readable.toWeb(Readable.from([randomBytes(30), randomBytes(30)])) as unknown as ReadableStream
  const streamed = await fetch(small.url + url, {
    method: 'PATCH',
    headers: {
      ...user.auth,
      'tus-resumable': '1.0.0',
      'upload-offset': '60',
      'content-type': 'application/offset+octet-stream',
    },
    body: chunked,
    duplex: 'half',
  } as RequestInit)
  t.equal(streamed.status, 413, 'also if the size of the body is not known before')
  const offset = await client.offset(url)
  t.equal(offset, 60)
  t.match(await client.patch(url, 60, none, lengthOf(90)), { status: 204 })
  t.match(await client.patch(url, 60, none, lengthOf(91)), { status: 400 }, 'another length')
  t.match(await client.patch(url, 60, none, lengthOf(90)), { status: 204 }, 'the same length again')
  t.match(await client.patch(url, 60, randomBytes(31)), { status: 413 }, 'more bytes than the length')
  t.match(await client.patch(url, 60, bytes.subarray(60, 90)), { status: 204 })
  await isTheOnlyUpload(t, user, bytes.subarray(0, 90), 'after all refusals')
})

t.test('tus-js-client uploads a stream of unknown length, also if a response is lost', async t => {
  const proxy = await startFaultProxy(t, api.url)
  let isLost = true
  for (let lost = 1; isLost; lost++) {
    const user = await createTestUser(aws)
    const bytes = randomBytes(10 * MIB)
    let count = 0
    const fault = proxy.inject(loseReply, { when: request => to('PATCH')(request) && ++count === lost, times: 1 })
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(Readable.from([bytes.subarray(0, MIB), bytes.subarray(MIB)]), {
        endpoint: `${proxy.url}/uploads/tus`,
        headers: user.auth,
        uploadLengthDeferred: true,
        chunkSize: 3 * MIB,
        retryDelays: [10, 100, 1_000],
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.start()
    })
    fault.remove()
    isLost = fault.hits === 1
    t.ok(isLost || lost > 2, 'the file has several chunks')
    await isTheOnlyUpload(t, user, bytes, `the response of PATCH ${lost} is lost`)
  }
})

t.test('an upload whose api dies while it announces the length is accepted by the next api', async t => {
  /** Resolves to whether the api responded that the upload was accepted, because it needed fewer requests to AWS. */
  async function announceAndDie(size: number, nth: number, isReplyLost: boolean): Promise<boolean> {
    const user = await createTestUser(aws)
    const client = tusClient(api, user)
    const url = await begin(client)
    const bytes = randomBytes(size)
    t.match(await client.patch(url, 0, bytes), { status: 204 })
    const dying = await startDyingApi(t, nth, isReplyLost)
    const announced = tusClient(dying, user).patch(url, size, Buffer.alloc(0), lengthOf(size))
    const hasSucceeded = await Promise.race([
      dying.died.then(() => false),
      announced.then(({ status }) => status === 204),
    ])
    const head = await client.head(url)
    t.equal(head.headers.get('upload-offset'), String(size))
    // The api died before it recorded the length, so the upload still waits for it.
    if (head.headers.get('upload-length') === null) {
      t.match(await client.patch(url, size, Buffer.alloc(0), lengthOf(size)), { status: 204 })
    }
    await isTheOnlyUpload(t, user, bytes, `${size} bytes, death at request ${nth}, reply lost: ${isReplyLost}`)
    await announced
    return hasSucceeded
  }

  // Each death waits until the lock of the dead api has expired, so they run at once.
  for (const [size, isReplyLost] of [
    [5, true],
    [9 * MIB, false],
    [9 * MIB, true],
  ] as const) {
    const deaths = Array.from({ length: 17 }, (_, index) => announceAndDie(size, index + 1, isReplyLost))
    const survived = (await Promise.all(deaths)).indexOf(true)
    t.ok(survived >= 10, `an announcement takes ${survived} requests to AWS, each of which was the last of one api`)
  }
})

/** Starts an api whose requests to AWS end with the nth one, as if its process had been killed then. */
async function startDyingApi(t: Parameters<typeof startFaultProxy>[0], nth: number, isReplyLost: boolean) {
  const { promise: died, resolve } = Promise.withResolvers<void>()
  let count = 0
  const die: Fault = async exchange => {
    count++
    if (count < nth) return exchange.pass()
    const isLast = count === nth
    if (isLast && isReplyLost) await loseReply(exchange)
    else exchange.cut()
    if (isLast) resolve()
  }
  const proxies = await Promise.all(
    [aws.endpoints.s3, aws.endpoints.dynamodb, aws.endpoints.kinesis].map(url => startFaultProxy(t, url)),
  )
  const [s3, dynamodb, kinesis] = proxies
  const dying = await buildTestApi(t, aws, {
    endpoints: { s3: s3?.url ?? '', dynamodb: dynamodb?.url ?? '', kinesis: kinesis?.url ?? '' },
  })
  for (const proxy of proxies) proxy.inject(die)
  return { ...dying, died }
}
