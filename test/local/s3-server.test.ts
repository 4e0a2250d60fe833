import path from 'node:path'
import { CreateBucketCommand, HeadBucketCommand, ListBucketsCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { startS3 } from '../../services/local/servers/s3.ts'
import { isAlive, runProgram, until } from '../support/processes.ts'

const host = '127.0.0.1'
const module = path.resolve(import.meta.dirname, '../../services/local/servers/s3.ts')

function clientOf(t: Test, port: number) {
  const unused = 'http://unused'
  const clients = createLocalClients({ s3: `http://${host}:${port}`, dynamodb: unused, kinesis: unused })
  t.teardown(() => clients.destroy())
  return clients.s3
}

/** A process that starts S3 and says where and as which process. */
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

t.test('a parent killed with -9 leaves no S3 behind, and what was put is on disk', async t => {
  const dataDir = t.testdir()
  const { parent, port, pid } = await startInParent(t, dataDir)
  await clientOf(t, port).send(new CreateBucketCommand({ Bucket: 'kept' }))
  process.kill(parent.pid, 'SIGKILL')
  await until(() => !isAlive(pid), { what: 'the end of the S3 process' })

  const again = await startS3({ host, port: 0, dataDir, onFailure: t.threw })
  t.teardown(() => again.stop())
  await clientOf(t, again.port).send(new HeadBucketCommand({ Bucket: 'kept' }))
})

t.test('Ctrl-C and SIGTERM, which reach the whole process group, do not end it before its parent does', async t => {
  const { port, pid } = await startInParent(t, t.testdir())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  await clientOf(t, port).send(new ListBucketsCommand())
  t.ok(isAlive(pid))
})

t.test('what a person has set for a fauxqs of their own is not for this one', async t => {
  const { port } = await startInParent(t, t.testdir({ mine: {} }), {
    FAUXQS_DATA_DIR: '/dev/null/none',
    FAUXQS_PORT: '1',
  })
  t.strictSame((await clientOf(t, port).send(new ListBucketsCommand())).Buckets ?? [], [])
})
