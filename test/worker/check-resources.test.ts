import path from 'node:path'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { createTable } from '../../services/local/resources/dynamodb.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../services/platform/config/worker.ts'
import { uploadsTable } from '../../services/platform/resources.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { checkResources } from '../../services/worker/health/check-resources.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { awsError, throttled } from '../support/faults/aws-errors.ts'
import { silence } from '../support/faults/faults.ts'
import { runProgram } from '../support/processes.ts'
import { createMemoryLog } from './memory-log.ts'

const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')
const aws = await startAws(t)
const wrong = {
  STREAM_NAME: 'no-such-stream',
  UPLOAD_BUCKET: 'no-such-bucket',
  PROCESSED_BUCKET: 'no-such-bucket-either',
  UPLOADS_TABLE: 'no-such-table',
}

function check(env: Record<string, string>, endpoints: Partial<typeof aws.endpoints> = {}, timeoutMs = 5_000) {
  const config = loadConfig(workerConfigSchema, { ...aws.env, ...env })
  const clients = createLocalClients({ ...aws.endpoints, ...endpoints })
  t.teardown(() => clients.destroy())
  const store = createUploadStore({ dynamodb: clients.dynamodb, table: config.UPLOADS_TABLE })
  const memory = createMemoryLog()
  return { ...memory, checked: checkResources({ config, ...clients, store, log: memory.log, timeoutMs }) }
}

t.test('a worker whose stream does not exist reports that on stderr and exits with 1', async t => {
  const program = runProgram(t, [worker], { env: { ...aws.env, STREAM_NAME: 'no-such-stream' } })
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /^The configuration is invalid\..*\n {2}STREAM_NAME: there is no "no-such-stream" in /)
  t.notMatch(program.stderr(), /\n\s+at /, 'without a stack trace')
})

t.test('existing resources are found, and nothing is logged', async t => {
  const { checked, lines } = check({})
  await checked
  t.strictSame(lines, [])
})

t.test('one error names all missing resources', async t => {
  const { checked } = check(wrong)
  const faults = Object.entries(wrong).map(([variable, name]) => ({
    variable,
    problem: `there is no "${name}" in ${aws.env.AWS_REGION}`,
  }))
  await t.rejects(checked, { code: 'HEADGATE_CONFIGURATION', faults })
})

t.test('a worker with a webhook refuses a table of an earlier version, which would not keep retries', async t => {
  const { dynamodb } = aws
  const [outbox] = uploadsTable.indexes
  await createTable(dynamodb, 'old-uploads', { ...uploadsTable, indexes: [outbox] })
  const env = { ...aws.env, UPLOADS_TABLE: 'old-uploads' }
  const webhook = { WEBHOOK_URL: 'https://example.com/hook', WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` }
  const program = runProgram(t, [worker], { env: { ...env, ...webhook } })
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(
    program.stderr(),
    /UPLOADS_TABLE: the table "old-uploads" is of an earlier version: it has no index "notifications"/,
  )
  const { checked, lines } = check({ UPLOADS_TABLE: 'old-uploads' })
  await checked
  t.strictSame(lines, [], 'without a destination, the index is not needed')
})

t.test('throttling, a missing permission and a timeout are logged and do not stop the start', async t => {
  const faults = {
    throttled: throttled('kinesis'),
    'no permission': awsError('kinesis', { status: 400, code: 'AccessDeniedException' }),
    silence,
  }
  for (const [name, fault] of Object.entries(faults)) {
    const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
    proxy.inject(fault)
    const { checked, lines } = check({}, { kinesis: proxy.url }, 500)
    await checked
    t.match(lines, [{ level: 'warn', variable: 'STREAM_NAME' }], name)
  }
})
