import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { startS3 } from '../../services/local/servers/s3.ts'
import { createDataFolder } from '../support/aws.ts'
import { isAlive, runProgram, until } from '../support/processes.ts'

const MIB = 1024 ** 2
const PART = 8 * MIB
const Bucket = 'large'
const servers = path.resolve(import.meta.dirname, '../../services/local/servers')

function clientOf(t: Pick<Test, 'teardown'>, port: number): S3Client {
  const unused = 'http://unused'
  const clients = createLocalClients({ s3: `http://127.0.0.1:${port}`, dynamodb: unused, kinesis: unused })
  t.teardown(() => clients.destroy())
  return clients.s3
}

/** Starts S3 in a data folder, with a client and the bucket. */
async function start(t: Test, dataDir: string) {
  const server = await startS3({ host: '127.0.0.1', port: 0, dataDir, onFailure: () => undefined })
  t.teardown(() => server.stop())
  const s3 = clientOf(t, server.port)
  await s3.send(new CreateBucketCommand({ Bucket }))
  return { s3, server }
}

const filesOf = (dataDir: string) => readdirSync(path.join(dataDir, 'contents'))

async function sha256Of(s3: S3Client, Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
  const hash = createHash('sha256')
  for await (const chunk of Body as Readable) hash.update(chunk)
  return hash.digest('hex')
}

async function putPart(s3: S3Client, UploadId: string | undefined, PartNumber: number, Body: Uint8Array) {
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key: 'video', UploadId, PartNumber, Body }))
  return { PartNumber, ETag }
}

t.test(
  'an object of 256 MiB needs no more memory than one of 16 MiB',
  { skip: process.platform !== 'linux' },
  async t => {
    const dataDir = createDataFolder(t)
    const { s3, server } = await start(t, dataDir)
    const peakMiB = () =>
      Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024
    const bytes = randomBytes(PART)

    async function upload(parts: number): Promise<string> {
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'video' }))
      const Parts: CompletedPart[] = []
      const hash = createHash('sha256')
      for (let number = 1; number <= parts; number++) {
        bytes.writeUInt32LE(number)
        hash.update(bytes)
        Parts.push(await putPart(s3, UploadId, number, bytes))
      }
      await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'video', UploadId, MultipartUpload: { Parts } }))
      const sha256 = hash.digest('hex')
      t.equal(await sha256Of(s3, 'video'), sha256)
      return sha256
    }

    await upload(2)
    const small = peakMiB()
    await upload(32)
    const growth = peakMiB() - small
    t.ok(growth < 64, `the peak grew by ${growth} MiB`)
    t.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'video' }))).ContentLength, 32 * PART)
    t.equal(filesOf(dataDir).length, 32, 'the files of the first object are deleted')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'video' }))
    t.same(filesOf(dataDir), [])
  },
)

t.test('after kill -9 of S3, every acknowledged part and object is there, and nothing half-written', async t => {
  const dataDir = createDataFolder(t)
  const killed = await start(t, dataDir)
  const bytes = randomBytes(PART)
  await killed.s3.send(new PutObjectCommand({ Bucket, Key: 'small', Body: 'kept' }))
  const { UploadId } = await killed.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'video' }))
  const first = await putPart(killed.s3, UploadId, 1, bytes)
  // A part and an object of which S3 has only the beginning.
  const cut = [
    new UploadPartCommand({ Bucket, Key: 'video', UploadId, PartNumber: 2, Body: endless(), ContentLength: PART }),
    new PutObjectCommand({ Bucket, Key: 'half', Body: endless(), ContentLength: PART }),
  ]
  const sending = Promise.allSettled(cut.map(command => killed.s3.send(command as PutObjectCommand)))
  await until(() => filesOf(dataDir).length === 4, { what: 'the files of both bodies' })
  const { pid = 0 } = killed.server
  process.kill(pid, 'SIGKILL')
  t.match(await sending, [{ status: 'rejected' }, { status: 'rejected' }])
  await until(() => !isAlive(pid), { what: 'the end of S3' })

  const { s3 } = await start(t, dataDir)
  t.equal(filesOf(dataDir).length, 2, 'the beginnings are deleted')
  await t.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: 'half' })), { name: 'NotFound' })
  t.equal(await sha256Of(s3, 'small'), createHash('sha256').update('kept').digest('hex'))
  const { Parts = [] } = await s3.send(new ListPartsCommand({ Bucket, Key: 'video', UploadId }))
  t.match(Parts, [{ PartNumber: 1, ETag: first.ETag, Size: PART }])
  t.equal(Parts.length, 1)
  const MultipartUpload = { Parts: [first, await putPart(s3, UploadId, 2, Buffer.from('end'))] }
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'video', UploadId, MultipartUpload }))
  t.equal(await sha256Of(s3, 'video'), createHash('sha256').update(bytes).update('end').digest('hex'))
})

t.test('an object that is deleted or copied while it is read is read to its end', async t => {
  const dataDir = createDataFolder(t)
  const { s3 } = await start(t, dataDir)
  const bytes = randomBytes(3 * PART)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'video', Body: bytes }))
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'video' }))
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/video` }))
  t.equal(filesOf(dataDir).length, 1, 'the copy shares the file')
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'video' }))
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }))
  t.equal(filesOf(dataDir).length, 1, 'the file stays until it is read')
  const hash = createHash('sha256')
  for await (const chunk of Body as Readable) hash.update(chunk)
  t.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
  await until(() => filesOf(dataDir).length === 0, { what: 'the deletion of the file' })
})

t.test('the temporary folder ends with its process, also after kill -9', async t => {
  const tmp = t.testdir()
  const script = `
    const { startS3 } = await import(${JSON.stringify(path.join(servers, 's3.ts'))})
    const { pid } = await startS3({ host: '127.0.0.1', port: 0, onFailure: error => console.error('failed', error.message) })
    console.log(pid)
    process.on('SIGTERM', () => process.exit(0))
    setInterval(() => undefined, 1_000)`
  async function run() {
    const parent = runProgram(t, ['--input-type=module', '-e', script], { env: { TMPDIR: tmp } })
    await until(() => parent.stdout().includes('\n'), { what: `S3: ${parent.stderr()}` })
    t.equal(readdirSync(tmp).length, 1)
    return { parent, pid: Number(parent.stdout()) }
  }
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const { parent, pid } = await run()
    parent.child.kill(signal)
    await until(() => !isAlive(pid) && readdirSync(tmp).length === 0, { what: `the end after ${signal} of the parent` })
  }
  const { parent, pid } = await run()
  process.kill(pid, 'SIGKILL')
  await until(() => parent.stderr().includes('failed'), { what: 'the end of S3' })
  t.same(readdirSync(tmp), [])
})

/** A body that never ends, of which the client sends what S3 takes. */
function endless(): Readable {
  let sent = 0
  return new Readable({
    read() {
      if (sent < MIB) this.push(Buffer.alloc(64 * 1024, 'x'))
      sent += 64 * 1024
    },
  })
}
