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
const MOST_UNITS = 2.5

const isWrite = ({ target }: SeenRequest) =>
  /\.(?:PutItem|UpdateItem|DeleteItem|BatchWriteItem|TransactWriteItems)$/.test(target)

t.test(`a small upload costs at most ${MOST_UNITS} write units of DynamoDB, those of the leases included`, async t => {
  const aws = await startAws(t)
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const units = { ofUploads: 0, ofAll: 0 }

  /** Has the server say what the write has cost, indexes and all, whoever made it. */
  async function count(exchange: Exchange): Promise<void> {
    const asked = JSON.parse((await exchange.body()).toString()) as { TableName: string }
    const reply = await exchange.forward(Buffer.from(JSON.stringify({ ...asked, ReturnConsumedCapacity: 'INDEXES' })))
    const body = await buffer(reply)
    const { ConsumedCapacity } = JSON.parse(body.toString()) as { ConsumedCapacity?: { CapacityUnits: number } }
    // A condition that does not hold is paid for, too.
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
  // What it costs to begin is not what an upload costs.
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

  t.ok(units.ofUploads >= 2 * UPLOADS, `${units.ofUploads} units of ${UPLOADS} uploads: each is recorded, and marked`)
  t.ok(
    units.ofAll <= MOST_UNITS * UPLOADS,
    `${units.ofAll} units of ${UPLOADS} uploads: ${(units.ofAll / UPLOADS).toFixed(2)} of one`,
  )
  t.comment(
    `${(units.ofUploads / UPLOADS).toFixed(2)} units an upload, ${(units.ofAll / UPLOADS).toFixed(2)} with leases`,
  )
})
