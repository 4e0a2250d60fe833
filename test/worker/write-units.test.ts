import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { buildTestApi } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts'
import type { Exchange } from '../support/faults/exchange.ts'
import { runProgram, until } from '../support/processes.ts'

const UPLOADS = 300
const PARALLEL = 8
const MAX_UNITS = 2.5

const isWrite = ({ target }: SeenRequest) =>
  /\.(?:PutItem|UpdateItem|DeleteItem|BatchWriteItem|TransactWriteItems)$/.test(target)

t.test(`a small upload takes at most ${MAX_UNITS} write units of DynamoDB, including those of leases`, async t => {
  const aws = await startAws(t)
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const units = { ofUploads: 0, ofAll: 0 }

  /** Counts the capacity of a write, including that of the indexes. */
  async function count(exchange: Exchange): Promise<void> {
    const asked = JSON.parse((await exchange.body()).toString()) as { TableName: string }
    const reply = await exchange.forward(Buffer.from(JSON.stringify({ ...asked, ReturnConsumedCapacity: 'INDEXES' })))
    const body = await buffer(reply)
    const { ConsumedCapacity } = JSON.parse(body.toString()) as { ConsumedCapacity?: { CapacityUnits: number } }
    // A write whose condition fails consumes capacity too.
    const cost = ConsumedCapacity?.CapacityUnits ?? 1
    units.ofAll += cost
    if (asked.TableName === aws.env.UPLOADS_TABLE) units.ofUploads += cost
    exchange.answer(reply.statusCode ?? 500, { 'content-type': 'application/x-amz-json-1.0' }, body.toString())
  }
  dynamodb.inject(count, { when: isWrite })

  const api = await buildTestApi(t, aws, { env: { LOG_LEVEL: 'error' }, endpoints: { dynamodb: dynamodb.url } })
  const worker = runProgram(t, [path.resolve(import.meta.dirname, '../../services/worker/worker.ts')], {
    env: { ...aws.env, AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url },
  })
  const logged = (message: string) => worker.stdout().split(`"msg":"${message}"`).length - 1
  await until(() => logged('lease acquired') >= 4, { timeoutMs: 60_000, what: 'the leases' })
  // The writes of the start do not count.
  units.ofAll = 0
  units.ofUploads = 0

  const { accessToken } = await aws.signIn()
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  let next = 0
  async function lane(): Promise<void> {
    while (next < UPLOADS) {
      const body = JSON.stringify({ filename: `a usual name ${next++}.txt`, content: 'hello kinesis' })
      const response = await fetch(`${api.url}/uploads`, { method: 'POST', headers, body })
      t.equal(response.status, 200)
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
  await until(() => logged('processed') >= UPLOADS, { timeoutMs: 60_000, what: 'the end of all uploads' })
  worker.child.kill('SIGTERM')
  t.match(await worker.ended, { code: 0 })

  t.ok(
    units.ofUploads >= 2 * UPLOADS,
    `${units.ofUploads} units for ${UPLOADS} uploads, each of which is recorded and marked`,
  )
  t.ok(
    units.ofAll <= MAX_UNITS * UPLOADS,
    `${units.ofAll} units for ${UPLOADS} uploads: ${(units.ofAll / UPLOADS).toFixed(2)} for each`,
  )
  t.comment(
    `${(units.ofUploads / UPLOADS).toFixed(2)} units for each upload, ${(units.ofAll / UPLOADS).toFixed(2)} with leases`,
  )
})
