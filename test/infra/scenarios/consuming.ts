import path from 'node:path'
import { PutRecordsCommand } from '@aws-sdk/client-kinesis'
import type { Test } from 'tap'
import { createDynamoDbLeaseStore } from '../../../services/consumer/leases/dynamodb-lease-store.ts'
import { newLease, takeLease } from '../../../services/consumer/leases/lease.ts'
import { resolveLeaseTable } from '../../../services/consumer/leases/lease-table-options.ts'
import { createTable } from '../../../services/local/resources/dynamodb.ts'
import { leaseTable, names } from '../../../services/platform/resources.ts'
import { at } from '../../consumer/leases/support.ts'
import { runProgram, until } from '../../support/processes.ts'
import { type Pipeline, streamRecord } from '../../worker/pipeline.ts'
import type { Recorder } from '../support/recorder.ts'

const worker = path.resolve(import.meta.dirname, '../../../services/worker/worker.ts')

/** Runs the worker as a task does, with one upload and one record that is no upload; then the other operations on leases. */
export async function consume(t: Test, pipeline: Pipeline, { endpoints, clients }: Recorder): Promise<string> {
  const { aws } = pipeline
  // Set by the deployment too.
  await createTable(aws.dynamodb, names.application, leaseTable)
  const upload = await pipeline.upload('hello kinesis')
  const Records = [streamRecord(upload), streamRecord('no event at all')].map(({ data, partitionKey }) => ({
    Data: data,
    PartitionKey: partitionKey,
  }))
  await aws.kinesis.send(new PutRecordsCommand({ StreamName: names.stream, Records }))

  const program = runProgram(t, [worker], {
    env: {
      ...aws.env,
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
      AWS_ENDPOINT_URL_KINESIS: endpoints.kinesis,
      METRICS_NAMESPACE: 'Headgate/headgate',
    },
  })
  const logged = (text: string) => program.stdout().includes(text)
  await until(() => logged('"DeadLetters":1') && logged('"msg":"processed"'), {
    timeoutMs: 60_000,
    what: 'a processed upload and a dead letter that is reported',
  })
  program.child.kill('SIGTERM')
  await program.ended

  const store = createDynamoDbLeaseStore({
    dynamodb: clients.dynamodb,
    table: resolveLeaseTable({}, names.application, { streamName: names.stream }),
    requestTimeoutMs: 10_000,
  })
  await store.ensureTable()
  const shard = {
    parentShardIds: [],
    startingHashKey: '0',
    endingHashKey: '9',
    startAt: undefined,
    shardStart: undefined,
  }
  const lease = newLease({ ...shard, leaseKey: 'shard-of-the-test', checkpoint: at('TRIM_HORIZON') })
  const held = takeLease(lease, 'me', 'a-session')
  t.ok(await store.create(lease))
  t.ok(await store.swap(lease, held))
  t.ok(await store.get(lease.leaseKey))
  t.ok((await store.list()).length > 1)
  t.ok(await store.delete(held))
  return program.stdout()
}
