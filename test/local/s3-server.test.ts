import path from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { startS3 } from '../../services/local/servers/s3.ts'
import { createDataFolder } from '../support/aws.ts'
import { isAlive, runProgram, until } from '../support/processes.ts'

const host = '127.0.0.1'
const module = path.resolve(import.meta.dirname, '../../services/local/servers/s3.ts')

function clientOf(t: Test, port: number) {
  const unused = 'http://unused'
  const clients = createLocalClients({ s3: `http://${host}:${port}`, dynamodb: unused, kinesis: unused })
  t.teardown(() => clients.destroy())
  return clients.s3
}

/** Starts a process that starts S3 and reports its address and process id. */
async function startInParent(t: Test, dataDir: string, env: Record<string, string> = {}) {
  const script = `
    const { startS3 } = await import(${JSON.stringify(module)})
    const settings = ${JSON.stringify({ host, port: 0, dataDir })}
    const { port, pid } = await startS3({ ...settings, onFailure: error => { throw error } })
    console.log(JSON.stringify({ port, pid }))
    setInterval(() => undefined, 1_000)`
  const parent = runProgram(t, ['--input-type=module', '-e', script], { env })
  await until(() => parent.stdout().includes('\n') || parent.child.exitCode !== null)
  const { port, pid } = JSON.parse(parent.stdout()) as { port: number; pid: number }
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  return { parent, port, pid }
}

t.test('after kill -9 of its parent, S3 ends, and its objects are on disk', async t => {
  const dataDir = createDataFolder(t)
  const { parent, port, pid } = await startInParent(t, dataDir)
  await clientOf(t, port).send(new CreateBucketCommand({ Bucket: 'kept' }))
  process.kill(parent.pid, 'SIGKILL')
  await until(() => !isAlive(pid), { what: 'the end of the S3 process' })

  const again = await startS3({ host, port: 0, dataDir, onFailure: t.threw })
  t.teardown(() => again.stop())
  await clientOf(t, again.port).send(new HeadBucketCommand({ Bucket: 'kept' }))
})

t.test('Ctrl-C and SIGTERM to the process group do not end S3 before its parent', async t => {
  const { port, pid } = await startInParent(t, t.testdir())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  await clientOf(t, port).send(new ListBucketsCommand())
  t.ok(isAlive(pid))
})

t.test('lists parts as AWS does, with a marker on the last page too', async t => {
  const server = await startS3({ host, port: 0, dataDir: createDataFolder(t), onFailure: t.threw })
  t.teardown(() => server.stop())
  const s3 = clientOf(t, server.port)
  await s3.send(new CreateBucketCommand({ Bucket: 'parts' }))
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'parts', Key: 'k' }))
  const upload = { Bucket: 'parts', Key: 'k', UploadId }
  for (const PartNumber of [1, 2, 3]) await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body: 'x' }))
  const list = async (more: { MaxParts?: number; PartNumberMarker?: string }) => {
    const reply = await s3.send(new ListPartsCommand({ ...upload, ...more }))
    const { Parts = [], IsTruncated, NextPartNumberMarker, MaxParts } = reply
    return { parts: Parts.map(({ PartNumber }) => PartNumber), IsTruncated, NextPartNumberMarker, MaxParts }
  }
  t.same(await list({}), { parts: [1, 2, 3], IsTruncated: false, NextPartNumberMarker: '3', MaxParts: 1_000 })
  t.same(await list({ MaxParts: 2 }), { parts: [1, 2], IsTruncated: true, NextPartNumberMarker: '2', MaxParts: 2 })
  const rest = await list({ PartNumberMarker: '2' })
  t.same(rest, { parts: [3], IsTruncated: false, NextPartNumberMarker: '3', MaxParts: 1_000 })
  const none = await list({ PartNumberMarker: '3' })
  t.same(none, { parts: [], IsTruncated: false, NextPartNumberMarker: '0', MaxParts: 1_000 })
})

t.test('lists multipart uploads page by page, ordered by key', async t => {
  const server = await startS3({ host, port: 0, dataDir: createDataFolder(t), onFailure: t.threw })
  t.teardown(() => server.stop())
  const s3 = clientOf(t, server.port)
  await s3.send(new CreateBucketCommand({ Bucket: 'parts' }))
  for (const Key of ['k2', 'k1', 'k2', 'k3']) await s3.send(new CreateMultipartUploadCommand({ Bucket: 'parts', Key }))
  const keys: unknown[] = []
  let marker = {}
  for (let page = 1; page <= 4; page++) {
    const query = { Bucket: 'parts', MaxUploads: 1, ...marker }
    const reply = await s3.send(new ListMultipartUploadsCommand(query))
    keys.push(...(reply.Uploads ?? []).map(({ Key }) => Key))
    t.equal(reply.IsTruncated, page < 4)
    marker = { KeyMarker: reply.NextKeyMarker, UploadIdMarker: reply.NextUploadIdMarker }
  }
  t.same(keys, ['k1', 'k2', 'k2', 'k3'])
})

t.test('stores an object of any content type', async t => {
  const server = await startS3({ host, port: 0, dataDir: createDataFolder(t), onFailure: t.threw })
  t.teardown(() => server.stop())
  const s3 = clientOf(t, server.port)
  await s3.send(new CreateBucketCommand({ Bucket: 'types' }))
  const types = ['application/x-www-form-urlencoded', 'application/x-amz-json-1.0', 'application/json', 'text/plain']
  for (const ContentType of [...types, 'multipart/form-data; boundary=a', 'application/xml', 'a/b; c=";"']) {
    const object = { Bucket: 'types', Key: 'k' }
    await s3.send(new PutObjectCommand({ ...object, ContentType, Body: 'a=1&{<' }))
    const reply = await s3.send(new GetObjectCommand(object))
    t.equal(reply.ContentType, ContentType)
    t.equal(await reply.Body?.transformToString(), 'a=1&{<', ContentType)
    const multipart = { Bucket: 'types', Key: 'parts' }
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...multipart, ContentType }))
    const { ETag } = await s3.send(new UploadPartCommand({ ...multipart, UploadId, PartNumber: 1, Body: 'x' }))
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
    await s3.send(new CompleteMultipartUploadCommand({ ...multipart, UploadId, MultipartUpload }))
    t.equal((await s3.send(new GetObjectCommand(multipart))).ContentType, ContentType)
  }
})
