import { createHash } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import t, { type Test } from 'tap'
import { account } from '../../services/local/account.ts'
import { readXml, receiveBody } from '../../services/local/s3/body.ts'
import { Contents } from '../../services/local/s3/contents.ts'
import type { S3Request } from '../../services/local/s3/request.ts'
import { startS3 } from '../../services/local/servers/s3.ts'
import { createDataFolder } from '../support/aws.ts'

const MIB = 1024 ** 2
const Bucket = 'things'
const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest()

async function start(t: Pick<Test, 'teardown' | 'threw'>, dataDir?: string) {
  const server = await startS3({ host: '127.0.0.1', port: 0, dataDir, onFailure: t.threw })
  t.teardown(() => server.stop())
  const url = `http://127.0.0.1:${server.port}`
  const s3 = new S3Client({
    region: account.region,
    credentials: account.credentials,
    endpoint: url,
    forcePathStyle: true,
    requestHandler: new NodeHttpHandler(),
  })
  t.teardown(() => s3.destroy())
  return { s3, url, server }
}

const { s3, url } = await start(t)
await s3.send(new CreateBucketCommand({ Bucket }))

const put = (Key: string, Body: string | Buffer, more: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
const textOf = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()

t.test('a range of an object is returned by the rules of S3', async t => {
  await put('range', '0123456789')
  for (const [range, status, text, about] of [
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=-20', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-20', 206, '89', 'bytes 8-9/10'],
    ['bytes=3-1', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['lines=0-1', 200, '0123456789', null],
  ] as const) {
    const response = await fetch(`${url}/things/range`, { headers: { range } })
    t.equal(response.status, status, range)
    t.equal(await response.text(), text)
    t.equal(response.headers.get('content-range'), about)
    t.equal(response.headers.get('content-length'), String(text.length))
  }
  for (const range of ['bytes=10-', 'bytes=-0']) {
    const response = await fetch(`${url}/things/range`, { headers: { range } })
    t.equal(response.status, 416)
    t.equal(response.headers.get('content-range'), 'bytes */10')
    t.match(await response.text(), /<Code>InvalidRange<\/Code>/)
  }
})

t.test('a checksum of each kind is verified, kept and returned only when it is asked for', async t => {
  // The value of each algorithm for the text "123456789".
  const known = {
    ChecksumCRC32: 'y/Q5Jg==',
    ChecksumCRC32C: '4waSgw==',
    ChecksumCRC64NVME: 'rosUhgp5mIg=',
    ChecksumSHA1: '98O8HYCOBHMq32eZZczDTKeuNEE=',
    ChecksumSHA256: 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=',
  }
  for (const [name, value] of Object.entries(known)) {
    t.match(await put('sum', '123456789', { [name]: value }), { [name]: value, ChecksumType: 'FULL_OBJECT' })
    const asked = await s3.send(new HeadObjectCommand({ Bucket, Key: 'sum', ChecksumMode: 'ENABLED' }))
    t.match(asked, { [name]: value, ChecksumType: 'FULL_OBJECT' })
    const silent = await s3.send(new HeadObjectCommand({ Bucket, Key: 'sum' }))
    t.notHas(silent, name)
    await t.rejects(put('bad', '12345678', { [name]: value }), { name: 'BadDigest' })
  }
  await fetch(`${url}/things/sum`, { method: 'PUT', body: '123456789' })
  const byDefault = await s3.send(new HeadObjectCommand({ Bucket, Key: 'sum', ChecksumMode: 'ENABLED' }))
  t.equal(byDefault.ChecksumCRC64NVME, known.ChecksumCRC64NVME, 'S3 computes it if the client sends none')
  await t.rejects(put('bad', 'x', { ContentMD5: createHash('md5').update('y').digest('base64') }), {
    name: 'BadDigest',
  })
  const two = { ChecksumCRC32: known.ChecksumCRC32, ChecksumSHA1: known.ChecksumSHA1 }
  await t.rejects(put('bad', '123456789', two), { name: 'InvalidRequest' })
  await t.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: 'bad' })), { name: 'NotFound' })
})

t.test('a body that ends early is not stored', async t => {
  const body = new ReadableStream({ start: controller => controller.error(new Error('gone')) })
  const init = { method: 'PUT', body, duplex: 'half', headers: { 'content-length': '10' } } as RequestInit
  await t.rejects(fetch(`${url}/things/early`, init))
  const headers = { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '5' }
  for (const chunks of ['5\r\nhel', '5\r\nhello\r\n', 'zz\r\nhello', '4\r\nhell\r\n0\r\n\r\n']) {
    const refused = await fetch(`${url}/things/early`, { method: 'PUT', headers, body: chunks })
    t.equal(refused.status, 400)
    t.match(await refused.text(), /<Code>IncompleteBody<\/Code>/)
  }
  await t.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: 'early' })), { name: 'NotFound' })
  const trailer = { ...headers, 'x-amz-trailer': 'x-amz-checksum-crc32' }
  const body1 = `3;chunk-signature=0\r\n123\r\n2\r\n45\r\n0\r\nx-amz-checksum-crc32:y/U6HA==\r\n\r\n`
  const stored = await fetch(`${url}/things/early`, { method: 'PUT', headers: trailer, body: body1 })
  t.equal(stored.status, 200)
  t.equal(await textOf('early'), '12345')
  const wrong = body1.replace('y/U6HA==', 'AAAAAA==')
  const refused = await fetch(`${url}/things/early`, { method: 'PUT', headers: trailer, body: wrong })
  t.match(await refused.text(), /<Code>BadDigest<\/Code>/)
})

t.test('of a body that is longer than announced or allowed, no more is stored or kept in memory', async t => {
  let read = 0
  const request = (headers: IncomingHttpHeaders) => {
    read = 0
    const endless = Readable.from(
      (function* () {
        while (true) {
          read += MIB
          yield Buffer.alloc(MIB, 'x')
        }
      })(),
      { highWaterMark: 1 },
    )
    t.teardown(() => endless.destroy())
    return { raw: Object.assign(endless, { headers }) } as unknown as S3Request
  }
  const contents = new Contents(path.join(t.testdir(), 'contents'), () => false)
  await t.rejects(receiveBody(request({ 'content-length': String(4 * MIB) }), contents), { code: 'IncompleteBody' })
  t.ok(read <= 7 * MIB, `${read} bytes were read`)
  await t.rejects(receiveBody(request({ 'content-length': 'many' }), contents), { code: 'MissingContentLength' })
  await t.rejects(readXml(request({})), { code: 'MalformedXML' })
  t.ok(read <= 5 * MIB, `${read} bytes were read`)
  t.strictSame(readdirSync(path.join(t.testdirName, 'contents')), [])
})

t.test('a write under a condition replaces only what the condition allows', async t => {
  const { ETag = '' } = await put('once', 'first', { IfNoneMatch: '*' })
  await t.rejects(put('once', 'second', { IfNoneMatch: '*' }), { name: 'PreconditionFailed' })
  await t.rejects(put('once', 'second', { IfMatch: '"0"' }), { name: 'PreconditionFailed' })
  await t.rejects(put('none', 'second', { IfMatch: ETag }), { name: 'NoSuchKey' })
  t.equal(await textOf('once'), 'first')
  const racing = await Promise.allSettled(['a', 'b', 'c'].map(text => put('race', text, { IfNoneMatch: '*' })))
  t.equal(racing.filter(({ status }) => status === 'fulfilled').length, 1)
  await put('once', 'second', { IfMatch: ETag })
  t.equal(await textOf('once'), 'second')
  const get = (headers: Record<string, string>) => fetch(`${url}/things/once`, { headers })
  const { headers } = await get({})
  const [etag, modified] = [headers.get('etag') ?? '', headers.get('last-modified') ?? '']
  t.equal((await get({ 'if-none-match': etag })).status, 304)
  t.equal((await get({ 'if-modified-since': modified })).status, 304)
  t.equal((await get({ 'if-unmodified-since': modified })).status, 200)
  t.equal((await get({ 'if-match': ETag })).status, 412)
})

async function uploadParts(Key: string, bodies: readonly Buffer[], algorithm?: 'CRC32' | 'SHA256') {
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ...(algorithm && { ChecksumAlgorithm: algorithm }) }),
  )
  const Parts: CompletedPart[] = []
  for (const [index, Body] of bodies.entries()) {
    const PartNumber = index + 1
    const part = { Bucket, Key, UploadId, PartNumber, Body, ...(algorithm && { ChecksumAlgorithm: algorithm }) }
    const { ETag, ChecksumCRC32, ChecksumSHA256 } = await s3.send(new UploadPartCommand(part))
    Parts.push({ PartNumber, ETag, ...(algorithm && { ChecksumCRC32, ChecksumSHA256 }) })
  }
  const complete = (parts: CompletedPart[] = Parts) =>
    s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }))
  return { UploadId, Parts, complete }
}

t.test('an object of several parts has the ETag and the checksum that S3 computes from its parts', async t => {
  const bodies = [Buffer.alloc(5 * MIB, 'a'), Buffer.alloc(5 * MIB, 'b'), Buffer.from('end')]
  const md5s = Buffer.concat(bodies.map(body => createHash('md5').update(body).digest()))
  const ETag = `"${createHash('md5').update(md5s).digest('hex')}-3"`
  const composite = `${sha256(Buffer.concat(bodies.map(sha256))).toString('base64')}-3`

  const bySha = await uploadParts('parts', bodies, 'SHA256')
  const bare = bySha.Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))
  await t.rejects(bySha.complete(bare), { name: 'InvalidRequest', message: /must include the checksum for each part/ })
  t.match(await bySha.complete(), { ETag, ChecksumSHA256: composite, ChecksumType: 'COMPOSITE' })
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'parts', ChecksumMode: 'ENABLED' }))
  t.match(head, { ETag, ChecksumSHA256: composite, ChecksumType: 'COMPOSITE', ContentLength: 10 * MIB + 3 })
  const second = await s3.send(new GetObjectCommand({ Bucket, Key: 'parts', PartNumber: 2 }))
  t.match(second, { PartsCount: 3, ContentRange: `bytes ${5 * MIB}-${10 * MIB - 1}/${10 * MIB + 3}` })
  t.ok(Buffer.from((await second.Body?.transformToByteArray()) ?? []).equals(bodies[1] as Buffer))
  const across = await s3.send(
    new GetObjectCommand({ Bucket, Key: 'parts', Range: `bytes=${5 * MIB - 2}-${5 * MIB + 1}` }),
  )
  t.equal(await across.Body?.transformToString(), 'aabb', 'a range across two parts')

  const byDefault = await uploadParts('default', bodies)
  const { ChecksumCRC64NVME } = await byDefault.complete()
  const whole = await put('whole', Buffer.concat(bodies), { ChecksumAlgorithm: 'CRC64NVME' })
  t.equal(ChecksumCRC64NVME, whole.ChecksumCRC64NVME, 'the checksum of the whole object, from those of its parts')
})

t.test('an upload is completed only with parts that exist, in order and large enough', async t => {
  const bodies = [Buffer.alloc(5 * MIB), Buffer.from('b')]
  const { Parts, complete, UploadId } = await uploadParts('order', bodies)
  const [first = {}, second = {}] = Parts
  await t.rejects(complete([second, first]), { name: 'InvalidPartOrder' })
  await t.rejects(complete([first, { ...second, ETag: first.ETag }]), { name: 'InvalidPart' })
  await t.rejects(complete([first, { ...second, PartNumber: 3 }]), { name: 'InvalidPart' })
  const small = await uploadParts('order', bodies.toReversed())
  await t.rejects(small.complete(), { name: 'EntityTooSmall' })
  await complete([first])
  t.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'order' }))).ContentLength, 5 * MIB, 'without part 2')
  await t.rejects(s3.send(new ListPartsCommand({ Bucket, Key: 'order', UploadId })), { name: 'NoSuchUpload' })
})

t.test('a copy has the metadata of its source or its own, and a part can be copied from a range', async t => {
  const source = Buffer.concat([Buffer.alloc(5 * MIB, 'x'), Buffer.from('tail')])
  await put('a b/ü&c', source, { ContentType: 'text/x', Metadata: { owner: 'me' } })
  const CopySource = `${Bucket}/${encodeURIComponent('a b/ü&c')}`
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }))
  const copy = await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }))
  t.match(copy, { ContentType: 'text/x', Metadata: { owner: 'me' }, ContentLength: source.length })
  const replace = { MetadataDirective: 'REPLACE', ContentType: 'text/y' } as const
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource, ...replace }))
  t.match(await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' })), { ContentType: 'text/y', Metadata: {} })
  await t.rejects(s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/none` })), {
    name: 'NoSuchKey',
  })

  const upload = { Bucket, Key: 'joined' }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload))
  const from = { ...upload, UploadId, CopySource }
  const parts = [`bytes=0-${5 * MIB - 1}`, `bytes=${5 * MIB}-${5 * MIB + 3}`]
  const Parts: CompletedPart[] = []
  for (const [index, CopySourceRange] of parts.entries()) {
    const PartNumber = index + 1
    const reply = await s3.send(new UploadPartCopyCommand({ ...from, PartNumber, CopySourceRange }))
    Parts.push({ PartNumber, ETag: reply.CopyPartResult?.ETag })
  }
  await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a b/ü&c' }, { Key: 'copy' }] } }))
  await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }))
  t.ok(Buffer.from((await textOf('joined')) ?? '').equals(source), 'the bytes outlive the object that they come from')
})

t.test('lists objects in the order of their bytes, page by page and by prefix', async t => {
  await s3.send(new CreateBucketCommand({ Bucket: 'listed' }))
  const keys = ['B', 'a', 'a/1', 'a/2', 'a/b/3', 'b\n<&', 'ä', '\u{ffee}', '😀']
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: 'listed', Key, Body: Key }))
  async function list(more: { Prefix?: string; Delimiter?: string }) {
    const found: string[] = []
    let ContinuationToken: string | undefined
    do {
      const query = { Bucket: 'listed', MaxKeys: 2, ...more, ...(ContinuationToken && { ContinuationToken }) }
      const { Contents = [], CommonPrefixes = [], ...page } = await s3.send(new ListObjectsV2Command(query))
      t.equal(page.KeyCount, Contents.length + CommonPrefixes.length)
      found.push(...Contents.map(({ Key = '' }) => Key), ...CommonPrefixes.map(({ Prefix = '' }) => Prefix))
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken)
    return found.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }
  t.same(await list({}), keys)
  t.same(await list({ Prefix: 'a' }), ['a', 'a/1', 'a/2', 'a/b/3'])
  t.same(await list({ Prefix: 'a/', Delimiter: '/' }), ['a/1', 'a/2', 'a/b/'])
  t.same(await list({ Delimiter: '/' }), ['B', 'a', 'a/', 'b\n<&', 'ä', '\u{ffee}', '😀'])
  await t.rejects(s3.send(new DeleteBucketCommand({ Bucket: 'listed' })), { name: 'BucketNotEmpty' })
})

t.test('an operation that this S3 does not have is refused by its name, and never taken for another one', async t => {
  for (const [method, query] of [
    ['GET', 'acl'],
    ['PUT', 'retention'],
    ['GET', 'versioning'],
  ] as const) {
    const refused = await fetch(`${url}/things/x?${query}`, { method, ...(method === 'PUT' && { body: 'x' }) })
    t.equal(refused.status, 501)
    t.match(await refused.text(), `no operation ?${query}.`)
  }
  t.equal((await fetch(`${url}/things/x`, { method: 'PATCH' })).status, 405)
  t.equal((await fetch(`${url}/things/%ff`)).status, 400)
  t.equal((await fetch(`${url}/things/${'k'.repeat(1_025)}`)).status, 400)
  t.equal((await fetch(`${url}/nobody/x`)).status, 404)
})

t.test('keeps the tags of an object until it is replaced', async t => {
  const object = { Bucket: 'things', Key: 'tagged' }
  await s3.send(new PutObjectCommand({ ...object, Body: 'one' }))
  t.strictSame((await s3.send(new GetObjectTaggingCommand(object))).TagSet, [])
  const TagSet = [
    { Key: 'GuardDutyMalwareScanStatus', Value: 'NO_THREATS_FOUND' },
    { Key: 'a <&> "b"', Value: '' },
  ]
  await s3.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet } }))
  t.strictSame((await s3.send(new GetObjectTaggingCommand(object))).TagSet, TagSet)
  t.equal(await (await s3.send(new GetObjectCommand(object))).Body?.transformToString(), 'one')
  await s3.send(new CopyObjectCommand({ Bucket: 'things', Key: 'copy', CopySource: 'things/tagged' }))
  t.strictSame((await s3.send(new GetObjectTaggingCommand({ ...object, Key: 'copy' }))).TagSet, TagSet)
  await s3.send(new DeleteObjectTaggingCommand(object))
  t.strictSame((await s3.send(new GetObjectTaggingCommand(object))).TagSet, [])
  await s3.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet } }))
  await s3.send(new PutObjectCommand({ ...object, Body: 'two' }))
  t.strictSame((await s3.send(new GetObjectTaggingCommand(object))).TagSet, [])
  const twice = [TagSet[0], TagSet[0]].flatMap(tag => (tag ? [tag] : []))
  await t.rejects(s3.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet: twice } })), {
    name: 'InvalidTag',
  })
  await t.rejects(s3.send(new GetObjectTaggingCommand({ ...object, Key: 'nothing' })), { name: 'NoSuchKey' })
})

t.test('takes over the data folder of an earlier version, which kept everything in one SQLite file', async t => {
  const dataDir = createDataFolder(t)
  const file = path.join(dataDir, 'fauxqs.db')
  const body = Buffer.alloc(9 * MIB, 'z')
  writeOldData(file, body)
  writeFileSync(
    path.join(dataDir, 'cors.json'),
    JSON.stringify([
      ['old', [{ allowedOrigins: ['*'], allowedMethods: ['GET'], allowedHeaders: [], exposedHeaders: [] }]],
    ]),
  )
  const { s3, server } = await start(t, dataDir)
  const look = async (s3: S3Client) => {
    const object = await s3.send(new GetObjectCommand({ Bucket: 'old', Key: 'file' }))
    t.match(object, {
      ContentType: 'video/mp4',
      ETag: '"0"',
      Metadata: { owner: 'me' },
      ContentLength: body.length,
      LastModified: new Date('2026-01-02T03:04:05.000Z'),
    })
    t.ok(Buffer.from((await object.Body?.transformToByteArray()) ?? []).equals(body))
    t.match((await s3.send(new GetBucketCorsCommand({ Bucket: 'old' }))).CORSRules, [{ AllowedOrigins: ['*'] }])
  }
  await look(s3)
  t.notOk(existsSync(file), 'the old file is deleted')
  const upload = { Bucket: 'old', Key: 'parts', UploadId: 'upload-1' }
  const { Parts = [] } = await s3.send(new ListPartsCommand(upload))
  t.match(Parts, [{ PartNumber: 1, ETag: '"1"', Size: 4 }])
  await server.stop()
  const again = await start(t, dataDir)
  await look(again.s3)
})

/** Writes what fauxqs 2.4 wrote: a bucket, an object, and a multipart upload with one part. */
function writeOldData(file: string, body: Buffer): void {
  const db = new DatabaseSync(file)
  db.exec(`
    CREATE TABLE s3_buckets (name TEXT PRIMARY KEY, creation_date TEXT NOT NULL, type TEXT NOT NULL);
    CREATE TABLE s3_objects (bucket TEXT, key TEXT, body BLOB, content_type TEXT, content_length INTEGER, etag TEXT,
      last_modified TEXT, metadata TEXT, content_language TEXT, content_disposition TEXT, cache_control TEXT,
      content_encoding TEXT, parts TEXT, checksum_algorithm TEXT, checksum_value TEXT, checksum_type TEXT,
      part_checksums TEXT, PRIMARY KEY (bucket, key));
    CREATE TABLE s3_multipart_uploads (upload_id TEXT PRIMARY KEY, bucket TEXT, key TEXT, content_type TEXT, metadata TEXT,
      initiated TEXT, content_language TEXT, content_disposition TEXT, cache_control TEXT, content_encoding TEXT,
      checksum_algorithm TEXT);
    CREATE TABLE s3_multipart_parts (upload_id TEXT, part_number INTEGER, body BLOB, etag TEXT, last_modified TEXT,
      checksum_value TEXT, PRIMARY KEY (upload_id, part_number));
    INSERT INTO s3_buckets VALUES ('old', '2026-01-02T03:04:05.000Z', 'general-purpose');
    INSERT INTO s3_multipart_uploads VALUES ('upload-1', 'old', 'parts', 'text/plain', '{}', '2026-01-02T03:04:05.000Z',
      NULL, NULL, NULL, NULL, NULL);
    INSERT INTO s3_multipart_parts VALUES ('upload-1', 1, 'part', '"1"', '2026-01-02T03:04:05.000Z', NULL);`)
  db.prepare(
    `INSERT INTO s3_objects (bucket, key, body, content_type, content_length, etag, last_modified, metadata)
     VALUES ('old', 'file', ?, 'video/mp4', ?, '"0"', '2026-01-02T03:04:05.000Z', '{"owner":"me"}')`,
  ).run(body, body.length)
  db.close()
}
