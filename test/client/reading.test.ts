import t from 'tap'
import {
  ContentNotReadyError,
  NotFoundError,
  UploadDeletedError,
  type UploadEvent,
  UploadFailedError,
} from '../../services/client/index.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { to } from '../support/fault-proxy.ts'
import { cutReplyAfter, reset } from '../support/faults/faults.ts'
import { bytesOf, MIB, type Scene, startScene } from './support.ts'

const aws = await startAws(t)
const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
const UNKNOWN = '01900000-0000-7000-8000-000000000000'

/** Uploads a file. Returns functions that change its record as a worker does. */
async function uploaded({ client, user }: Scene) {
  const { uploadId } = await client.upload(Buffer.from('hello'), { filename: 'a.txt', contentType: 'text/plain' })
  const key = { owner: user.sub, uploadId }
  const record = await store.get(key)
  if (!record || record.status === 'pending') throw new Error('The upload is not recorded.')
  return {
    uploadId,
    start: () => store.markProcessing(record, record),
    finish: () => store.markProcessed(record, record, { bucket: record.bucket, key: record.key }),
    fail: () => store.markFailed(record, record, { code: 'NO_TEXT', reason: 'The file is not text.' }),
  }
}

t.test('waitUntilProcessed resolves to the processed upload, and rejects if it fails or is deleted', async t => {
  const scene = await startScene(t, aws)
  const { client, apiProxy } = scene
  const first = await uploaded(scene)
  const seen: string[] = []
  const changes: Promise<unknown>[] = []
  const processed = await client.waitUntilProcessed(first.uploadId, {
    onStatus({ status }) {
      seen.push(status)
      if (status === 'queued') changes.push(first.start())
      if (status === 'processing') changes.push(first.finish())
    },
  })
  await Promise.all(changes)
  t.match(processed, { uploadId: first.uploadId, status: 'processed' })
  t.strictSame(seen, ['queued', 'processing', 'processed'])

  const second = await uploaded(scene)
  await second.fail()
  const failure = await client.waitUntilProcessed(second.uploadId).catch((error: unknown) => error)
  t.ok(failure instanceof UploadFailedError)
  t.match(failure, { message: /The file is not text/, upload: { failure: { code: 'NO_TEXT' } } })

  const third = await uploaded(scene)
  apiProxy.inject(
    async exchange => {
      const passed = exchange.pass()
      await client.remove(third.uploadId)
      await passed
    },
    { when: to('GET', /wait=/), times: 1 },
  )
  await t.rejects(client.waitUntilProcessed(third.uploadId), UploadDeletedError)
  await t.rejects(client.waitUntilProcessed(UNKNOWN), NotFoundError)

  const stop = AbortSignal.timeout(300)
  await t.rejects(client.waitUntilProcessed((await uploaded(scene)).uploadId, { signal: stop }), {
    name: 'TimeoutError',
  })
})

t.test('events yields every state up to the last one, also if the connection is cut', async t => {
  const scene = await startScene(t, aws)
  const { client, apiProxy } = scene
  const { uploadId, start, finish } = await uploaded(scene)
  const events = to('GET', /\/events$/)
  const cut = apiProxy.inject(cutReplyAfter(600), { when: events, times: 1 })
  const refused = apiProxy.inject(reset, { when: events, times: 1 })
  const seen: string[] = []
  for await (const event of client.events(uploadId)) {
    const status = event.type === 'upload' ? event.upload.status : event.type
    seen.push(status)
    if (status === 'queued') await start()
    if (status === 'processing') await finish()
  }
  t.strictSame([...new Set(seen)], ['queued', 'processing', 'processed'])
  t.strictSame([cut.hits, refused.hits], [1, 1])

  const again = await Array.fromAsync(client.events(uploadId))
  t.match(again, [{ type: 'upload', upload: { status: 'processed' } }])
  await t.rejects(Array.fromAsync(client.events(UNKNOWN)), NotFoundError)
})

t.test('events reports a deletion, works without streamed responses, and ends with its signal', async t => {
  const scene = await startScene(t, aws, { isBuffered: true })
  const { client } = scene
  const { uploadId } = await uploaded(scene)
  const stop = new AbortController()
  const seen: UploadEvent[] = []
  const following = (async () => {
    for await (const event of client.events(uploadId, { signal: stop.signal })) {
      seen.push(event)
      stop.abort(new Error('enough'))
    }
  })()
  await t.rejects(following, { message: 'enough' })
  t.match(seen, [{ type: 'upload' }])

  const streaming = await startScene(t, aws)
  const other = await uploaded(streaming)
  const types: string[] = []
  for await (const { type } of streaming.client.events(other.uploadId)) {
    types.push(type)
    if (type === 'upload') await streaming.client.remove(other.uploadId)
  }
  t.strictSame(types, ['upload', 'deleted'])
})

t.test('list yields all uploads over several pages, newest first', async t => {
  const { client, apiProxy } = await startScene(t, aws)
  const ids: string[] = []
  for (const name of ['1', '2', '3', '4', '5']) {
    ids.unshift((await client.upload(Buffer.from(name), { filename: `${name}.txt` })).uploadId)
  }
  const isList = to('GET', /^\/uploads\?/)
  t.strictSame(
    (await Array.fromAsync(client.list({ pageSize: 2 }))).map(({ uploadId }) => uploadId),
    ids,
  )
  t.equal(apiProxy.count(isList), 3)
  for await (const { uploadId } of client.list({ pageSize: 2 })) {
    t.equal(uploadId, ids[0])
    break
  }
  t.equal(apiProxy.count(isList), 4, 'the next page is not asked for before it is needed')
  t.strictSame(await Array.fromAsync(client.list({ status: 'failed' })), [])
})

t.test('paths under the prefix of a gateway work', async t => {
  const { client } = await startScene(t, aws, { env: { PUBLIC_PATH: '/api' } })
  await client.upload(Buffer.from('1'), { filename: '1.txt' })
  await client.upload(Buffer.from('2'), { filename: '2.txt' })
  t.equal((await Array.fromAsync(client.list({ pageSize: 1 }))).length, 2)
})

t.test('download returns the bytes, downloadUrl a URL without a token, and remove deletes', async t => {
  const scene = await startScene(t, aws)
  const { client, s3Proxy } = scene
  const bytes = bytesOf(9 * MIB)
  const { uploadId } = await client.upload(bytes, { filename: 'ü.bin' })
  const lost = s3Proxy.inject(reset, { when: to('GET'), times: 1 })
  const response = await client.download(uploadId)
  t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
  t.equal(lost.hits, 1, 'the download was retried')
  const { url, ...rest } = await client.downloadUrl(uploadId)
  t.match(rest, { filename: 'ü.bin', size: bytes.length, expiresAt: /Z$/ })
  t.ok(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes))

  await t.rejects(client.download(uploadId, { what: 'processed' }), ContentNotReadyError)
  const processed = await uploaded(scene)
  await processed.finish()
  t.equal(await (await client.download(processed.uploadId, { what: 'processed' })).text(), 'hello')
  t.equal(await (await client.download(processed.uploadId, { what: { output: 'main' } })).text(), 'hello')
  await t.rejects(client.download(processed.uploadId, { what: { output: 'a/b' } }), NotFoundError)

  await client.remove(uploadId)
  await client.remove(uploadId)
  await t.rejects(client.status(uploadId), NotFoundError)
})
