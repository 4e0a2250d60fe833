import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  ListPartsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { startS3 } from '../../services/local/servers/s3.ts'
import { createDataFolder } from '../support/aws.ts'

const ORIGIN = 'https://app.example'
const rule = {
  ID: 'a & b',
  AllowedOrigins: [ORIGIN, 'http://localhost:*'],
  AllowedMethods: ['GET', 'PUT'],
  AllowedHeaders: ['content-type', 'x-amz-*'],
  ExposeHeaders: ['ETag'],
  MaxAgeSeconds: 60,
}

/** Starts S3 with a bucket that has an object `k`, and optionally CORS rules. */
async function start(t: Test, { cors = true, dataDir = createDataFolder(t) } = {}) {
  const server = await startS3({ host: '127.0.0.1', port: 0, dataDir, onFailure: t.threw })
  t.teardown(() => server.stop())
  const url = `http://127.0.0.1:${server.port}`
  const clients = createLocalClients({ s3: url, dynamodb: 'http://unused', kinesis: 'http://unused' })
  t.teardown(() => clients.destroy())
  const { s3 } = clients
  await s3.send(new CreateBucketCommand({ Bucket: 'pages' })).catch(() => undefined)
  await s3.send(new PutObjectCommand({ Bucket: 'pages', Key: 'k', Body: 'hello' }))
  if (cors) await putCors(s3, [rule])
  return { s3, server, object: `${url}/pages/k`, url }
}

const putCors = (s3: S3Client, CORSRules: (typeof rule | { AllowedOrigins: string[]; AllowedMethods: string[] })[]) =>
  s3.send(new PutBucketCorsCommand({ Bucket: 'pages', CORSConfiguration: { CORSRules } }))

async function preflight(url: string, { origin = ORIGIN, method = 'PUT', headers = '' } = {}) {
  const response = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      ...(headers && { 'access-control-request-headers': headers }),
    },
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

t.test('a preflight for a part changes nothing, so the part is listed and the upload completes', async t => {
  const { s3, object } = await start(t)
  const upload = { Bucket: 'pages', Key: 'k' }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload))
  const part = `${object}?partNumber=1&uploadId=${UploadId}`
  t.equal((await preflight(part)).status, 200)
  const sent = await fetch(part, { method: 'PUT', headers: { origin: ORIGIN }, body: 'hello' })
  t.equal((await preflight(part)).status, 200)
  const { Parts = [] } = await s3.send(new ListPartsCommand({ ...upload, UploadId }))
  t.strictSame(
    Parts.map(({ ETag, Size }) => [ETag, Size]),
    [[sent.headers.get('etag'), 5]],
  )
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: Parts[0]?.ETag }] }
  await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }))
  await t.rejects(s3.send(new ListPartsCommand({ ...upload, UploadId })), { name: 'NoSuchUpload' })
})

t.test('a preflight is answered by the CORS rules of the bucket', async t => {
  const { object } = await start(t)
  const allowed = await preflight(`${object}?X-Amz-Signature=0`, { headers: 'Content-Type,x-amz-checksum-sha256' })
  t.equal(allowed.status, 200)
  t.match(Object.fromEntries(allowed.headers), {
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-headers': 'content-type, x-amz-checksum-sha256',
    'access-control-expose-headers': 'ETag',
    'access-control-max-age': '60',
    vary: /Origin/,
  })
  t.equal((await preflight(object, { origin: 'http://localhost:5173' })).status, 200)
  for (const refused of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost' },
    { method: 'DELETE' },
    { headers: 'authorization' },
  ]) {
    const { status, headers, body } = await preflight(object, refused)
    t.equal(status, 403, JSON.stringify(refused))
    t.match(body, /<Code>AccessForbidden<\/Code>/)
    t.equal(headers.get('access-control-allow-origin'), null)
  }
  t.equal((await fetch(object, { method: 'OPTIONS' })).status, 400)
  t.equal((await fetch(object, { method: 'OPTIONS', headers: { origin: ORIGIN } })).status, 400)
})

t.test(
  'responses and errors have CORS headers for allowed pages only, and other requests are served without',
  async t => {
    const { object } = await start(t)
    for (const [url, status] of [
      [object, 200],
      [`${object}-none`, 404],
    ] as const) {
      const page = await fetch(url, { headers: { origin: ORIGIN } })
      t.equal(page.status, status)
      t.equal(page.headers.get('access-control-allow-origin'), ORIGIN)
      t.equal(page.headers.get('access-control-expose-headers'), 'ETag')
      for (const headers of [{ origin: 'null' }, {}] as Record<string, string>[]) {
        const other = await fetch(url, { headers })
        t.equal(other.status, status)
        t.equal(other.headers.get('access-control-allow-origin'), null)
      }
    }
  },
)

t.test('the first rule that allows a request decides, and * is sent as it is', async t => {
  const { s3, object } = await start(t)
  await putCors(s3, [rule, { AllowedOrigins: ['*'], AllowedMethods: ['GET'] }])
  const origin = async (origin: string) =>
    (await fetch(object, { headers: { origin } })).headers.get('access-control-allow-origin')
  t.equal(await origin(ORIGIN), ORIGIN)
  t.equal(await origin('https://other.example'), '*')
  t.equal(await origin('null'), '*')
})

t.test('CORS rules are returned as they were put, survive a restart, and can be deleted', async t => {
  const dataDir = createDataFolder(t)
  const first = await start(t, { dataDir })
  const read = async (s3: S3Client) => (await s3.send(new GetBucketCorsCommand({ Bucket: 'pages' }))).CORSRules
  t.same(await read(first.s3), [rule])
  await first.server.stop()

  const { s3, object } = await start(t, { dataDir, cors: false })
  t.same(await read(s3), [rule])
  t.equal((await preflight(object)).status, 200)
  await s3.send(new DeleteBucketCorsCommand({ Bucket: 'pages' }))
  await t.rejects(read(s3), { name: 'NoSuchCORSConfiguration' })
  t.match(await preflight(object), { status: 403, body: /CORS is not enabled/ })
})

t.test('a bucket that is deleted loses its CORS rules', async t => {
  const { s3 } = await start(t)
  await s3.send(new CreateBucketCommand({ Bucket: 'empty' }))
  const CORSConfiguration = { CORSRules: [rule] }
  await s3.send(new PutBucketCorsCommand({ Bucket: 'empty', CORSConfiguration }))
  await s3.send(new DeleteBucketCommand({ Bucket: 'empty' }))
  await t.rejects(s3.send(new GetBucketCorsCommand({ Bucket: 'empty' })), { name: 'NoSuchBucket' })
  await s3.send(new CreateBucketCommand({ Bucket: 'empty' }))
  await t.rejects(s3.send(new GetBucketCorsCommand({ Bucket: 'empty' })), { name: 'NoSuchCORSConfiguration' })
})

t.test('rejects CORS rules that S3 rejects, and keeps the old ones', async t => {
  const { s3, object } = await start(t)
  for (const [change, name] of [
    [{ AllowedOrigins: ['http://*.example.*'] }, 'InvalidRequest'],
    [{ AllowedMethods: ['PATCH'] }, 'InvalidRequest'],
    [{ ExposeHeaders: ['x-*'] }, 'InvalidRequest'],
    [{ AllowedOrigins: [] }, 'MalformedXML'],
  ] as const) {
    await t.rejects(putCors(s3, [{ ...rule, ...(change as object) }]), { name })
  }
  t.equal((await preflight(object)).status, 200)
})
