import t from 'tap'
import { createSdkStream } from '../../services/consumer/kinesis/sdk-stream.ts'
import { createDynamoDbLeaseStore } from '../../services/consumer/leases/dynamodb-lease-store.ts'
import { resolveLeaseTable } from '../../services/consumer/leases/lease-table-options.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { startAnswering } from '../support/answering.ts'

const requestTimeoutMs = 20_000

type Clients = ReturnType<typeof createLocalClients>

const listings: Record<string, { page(marker: number | undefined): string; run(clients: Clients): Promise<unknown> }> =
  {
    'the shards of a stream': {
      page: marker => JSON.stringify({ Shards: [], ...(marker !== undefined && { NextToken: `t${marker}` }) }),
      run: ({ kinesis }) => createSdkStream({ kinesis, streamName: 's', requestTimeoutMs }).listShards(),
    },
    'the leases of a table': {
      page: marker =>
        JSON.stringify({
          Items: [],
          ...(marker !== undefined && { LastEvaluatedKey: { leaseKey: { S: `l${marker}` } } }),
        }),
      run: ({ dynamodb }) =>
        createDynamoDbLeaseStore({
          dynamodb,
          table: resolveLeaseTable({}, 'table', { streamName: 's' }),
          requestTimeoutMs,
        }).list(),
    },
  }

for (const [name, { page, run }] of Object.entries(listings)) {
  t.test(`a listing of ${name} ends even if the service never ends it`, async t => {
    async function requestsFor(markerOf: (nth: number) => number | undefined): Promise<number> {
      const server = await startAnswering(t, nth => page(markerOf(nth)))
      const clients = createLocalClients({ s3: server.url, dynamodb: server.url, kinesis: server.url })
      t.teardown(() => clients.destroy())
      if (markerOf(1) === undefined) await run(clients)
      else await t.rejects(run(clients), { code: 'CONSUMER_SERVICE_PAGES' })
      return server.count()
    }
    t.equal(await requestsFor(() => undefined), 1)
    t.equal(await requestsFor(() => 7), 2, 'the same page again')
    t.equal(await requestsFor(nth => [5, 7, 5][nth - 1]), 3, 'a marker that goes back')
    t.equal(await requestsFor(nth => nth), 1_000, 'markers that never end')
  })
}
