import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { ListShardsCommand, ListStreamsCommand } from '@aws-sdk/client-kinesis'
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../../services/local/clients.ts'
import { createStream } from '../../../services/local/resources/kinesis.ts'
import { names } from '../../../services/platform/resources.ts'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { uploadRecord } from '../../uploads/examples.ts'
import { commandOf, descendants, isAlive, runProgram, until } from '../processes.ts'
import { startHost } from './host.ts'
import { leaseAws } from './lease.ts'
import { HOST_PORT, type LeaseSettings } from './messages.ts'

/** Starts a host for this test, in place of the host of the run. */
async function useHost(t: Test) {
  const host = await startHost()
  t.teardown(() => host.stop())
  const before = process.env[HOST_PORT]
  process.env[HOST_PORT] = String(host.port)
  t.teardown(() => {
    if (before === undefined) delete process.env[HOST_PORT]
    else process.env[HOST_PORT] = before
  })
}

async function lease(t: Test, settings: LeaseSettings = {}) {
  const aws = await leaseAws(settings)
  if (aws === undefined) throw new Error('There is no host')
  const clients = createLocalClients(aws.endpoints)
  t.teardown(() => clients.destroy())
  t.teardown(() => aws.stop())
  return { ...aws, ...clients }
}

const slots = () => descendants(process.pid).filter(pid => commandOf(pid).includes('slot-program'))

t.test('the next lease gets the same processes without the data of the lease before', async t => {
  await useHost(t)
  const first = await lease(t, { shards: 3 })
  const [pid] = slots()
  await first.s3.send(new PutObjectCommand({ Bucket: names.uploadBucket, Key: 'a', Body: 'b' }))
  await createStream(first.kinesis, { name: 'another-stream', shards: 1, retentionHours: 24 })
  await createUploadStore({ dynamodb: first.dynamodb, table: names.uploadsTable }).create(uploadRecord())
  await first.stop()

  const second = await lease(t, { shards: 2 })
  t.strictSame(slots(), [pid])
  const { Contents = [] } = await second.s3.send(new ListObjectsV2Command({ Bucket: names.uploadBucket }))
  t.strictSame(Contents, [])
  const { Items } = await second.dynamodb.send(new ScanCommand({ TableName: names.uploadsTable }))
  t.strictSame(Items, [])
  const { StreamNames } = await second.kinesis.send(new ListStreamsCommand())
  t.strictSame(StreamNames, [names.stream])
  const { Shards = [] } = await second.kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  t.equal(Shards.length, 2)
})

t.test('two leases at a time have separate servers', async t => {
  await useHost(t)
  const [one, other] = await Promise.all([lease(t), lease(t)])
  for (const service of ['s3', 'dynamodb', 'kinesis', 'cognito'] as const) {
    t.not(one.endpoints[service], other.endpoints[service], service)
  }
  t.equal(slots().length, 2)
})

/** Runs a program that leases servers. Resolves to the program and the process of its servers. */
async function leaseElsewhere(t: Test) {
  const file = path.resolve(import.meta.dirname, 'lease.ts')
  const source = `const { leaseAws } = await import(${JSON.stringify(file)}); await leaseAws({}); console.log('leased')`
  const env = { [HOST_PORT]: process.env[HOST_PORT] ?? '' }
  const program = runProgram(t, ['--input-type=module', '--eval', source], { env })
  await until(() => program.stdout().includes('leased') || program.child.exitCode !== null, {
    timeoutMs: 60_000,
    what: 'the lease',
  })
  const [slot = 0] = slots()
  return { program, slot }
}

t.test('a test file that is killed returns its servers', async t => {
  await useHost(t)
  const { program, slot } = await leaseElsewhere(t)
  program.child.kill('SIGKILL')
  await program.ended
  await lease(t)
  t.strictSame(slots(), [slot])
})

t.test('a server that ends by itself fails the file that uses it, and the next lease gets others', async t => {
  await useHost(t)
  const { program, slot } = await leaseElsewhere(t)
  const [s3 = 0] = descendants(slot).filter(pid => commandOf(pid).includes('s3-program'))
  process.kill(s3, 'SIGKILL')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), 'Error: The shared servers of a test ended by themselves (exit code 1)')
  const { s3: client } = await lease(t)
  t.notOk(slots().includes(slot))
  t.equal((await client.send(new ListObjectsV2Command({ Bucket: names.uploadBucket }))).KeyCount, 0)
})

t.test('the servers end when the run is killed', async t => {
  const run = path.resolve(import.meta.dirname, '../run-tests.ts')
  const folder = t.testdir({
    'waits.test.ts': `
      import { writeFileSync } from 'node:fs'
      import { startAws } from ${JSON.stringify(path.resolve(import.meta.dirname, '../aws.ts'))}
      import t from 'tap'
      await startAws(t)
      writeFileSync(${JSON.stringify(path.resolve(t.testdirName, 'leased'))}, '')
      await new Promise(() => setInterval(() => undefined, 1_000))`,
  })
  const program = runProgram(t, [run, '--reporter=silent', '--include=**', path.join(folder, 'waits.test.ts')], {
    detached: true,
  })
  t.teardown(() => process.kill(-program.pid, 'SIGKILL'))
  const has = (file: string) => {
    try {
      return readFileSync(path.join(folder, file)) !== undefined
    } catch {
      return false
    }
  }
  await until(() => has('leased') || program.child.exitCode !== null, { timeoutMs: 30_000, what: 'the lease' })
  const servers = descendants(program.pid).filter(pid => /slot-program|s3-program|kinesis-child/.test(commandOf(pid)))
  t.equal(servers.length, 3, program.stdout() + program.stderr())
  program.child.kill('SIGKILL')
  await until(() => !servers.some(isAlive), { what: 'the end of the servers' })
})
