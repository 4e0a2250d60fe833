import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ListStreamsCommand, PutRecordCommand } from '@aws-sdk/client-kinesis'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { createStream } from '../../services/local/resources/kinesis.ts'
import { startKinesis } from '../../services/local/servers/kinesis.ts'
import { createDataFolder } from '../support/aws.ts'
import { isAlive, runProgram, until } from '../support/processes.ts'

const host = '127.0.0.1'
const module = path.resolve(import.meta.dirname, '../../services/local/servers/kinesis.ts')

const clientOf = (t: Test, port: number) => {
  const clients = createLocalClients({
    s3: 'http://unused',
    dynamodb: 'http://unused',
    kinesis: `http://${host}:${port}`,
  })
  t.teardown(() => clients.destroy())
  return clients.kinesis
}

/** Starts a process that starts Kinesis and reports its address and process id. */
async function startInParent(t: Test, dataDir?: string) {
  const settings = JSON.stringify({ host, port: 0, ...(dataDir === undefined ? {} : { dataDir }) })
  const script = `
    const { startKinesis } = await import(${JSON.stringify(module)})
    const { port, pid } = await startKinesis({ ...${settings}, onFailure: error => { throw error } })
    console.log(JSON.stringify({ port, pid }))
    setInterval(() => undefined, 1_000)`
  const parent = runProgram(t, ['--input-type=module', '-e', script])
  await until(() => parent.stdout().includes('\n') || parent.child.exitCode !== null)
  const { port, pid } = JSON.parse(parent.stdout()) as { port: number; pid: number }
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  return { parent, port, pid }
}

t.test('after kill -9 of its parent, Kinesis ends, and its records are on disk', async t => {
  const dataDir = createDataFolder(t)
  const { parent, port, pid } = await startInParent(t, dataDir)
  const kinesis = clientOf(t, port)
  await createStream(kinesis, { name: 'kept', shards: 1, retentionHours: 24 })
  t.ok(isAlive(pid))

  process.kill(parent.pid, 'SIGKILL')
  await until(() => !isAlive(pid), { what: 'the end of the Kinesis process' })

  const again = await startKinesis({ host, port: 0, dataDir, onFailure: t.threw })
  t.teardown(() => again.stop())
  const { StreamNames } = await clientOf(t, again.port).send(new ListStreamsCommand())
  t.strictSame(StreamNames, ['kept'])
})

t.test('Ctrl-C and SIGTERM to the process group do not end Kinesis before its parent', async t => {
  const { port, pid } = await startInParent(t)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  await clientOf(t, port).send(new ListStreamsCommand())
  t.ok(isAlive(pid))
})

t.test('a stop writes all data to disk, even right after the start and with clients connected', async t => {
  const dataDir = createDataFolder(t)
  const server = await startKinesis({ host, port: 0, dataDir, onFailure: t.threw })
  const kinesis = clientOf(t, server.port)
  await createStream(kinesis, { name: 's', shards: 1, retentionHours: 24 })
  const record = { StreamName: 's', PartitionKey: 'p', Data: Buffer.from('the last one') }
  await kinesis.send(new PutRecordCommand(record))
  await server.stop()
  t.match(readFileSync(path.join(dataDir, 'kinesis-data.json'), 'utf8'), record.Data.toString('base64'))
})

t.test('reports unreadable data at the start, with the output of the process', async t => {
  const dataDir = createDataFolder(t)
  writeFileSync(path.join(dataDir, 'kinesis-data.json'), '{"streams":')
  await t.rejects(startKinesis({ host, port: 0, dataDir, onFailure: t.threw }), {
    code: 'HEADGATE_EMBEDDED_AWS',
    message: /ended by itself \(exit code 1\)\.\n[\s\S]*(Parsing|Exception)/,
  })
})

t.test('kills a server that does not listen in time', async t => {
  await t.rejects(startKinesis({ host, port: 0, onFailure: t.threw, startTimeoutMs: 1 }), {
    code: 'HEADGATE_EMBEDDED_AWS',
    message: /did not listen within 1 ms/,
  })
})

t.test('a stop right after the server died is no error', async t => {
  const failures: Error[] = []
  const server = await startKinesis({ host, port: 0, onFailure: error => failures.push(error) })
  process.kill(server.pid ?? 0, 'SIGKILL')
  // In the same turn of the event loop, so this process does not know of the death yet.
  while (isAlive(server.pid));
  await server.stop()
  t.strictSame(failures, [])
})
