import { randomUUID } from 'node:crypto'
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import { createListUploads } from '../../services/uploads/records/listing.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { uploadRecord } from './examples.ts'

const aws = await startAws(t)
const table = names.uploadsTable
const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
const clients = createLocalClients({ ...aws.endpoints, dynamodb: proxy.url })
t.teardown(() => clients.destroy())
const list = createListUploads({ dynamodb: clients.dynamodb, table })

/** Creates records of one owner, oldest first, with the statuses that `statusOf` returns. */
async function recorded(count: number, statusOf: (index: number) => string): Promise<UploadRecord[]> {
  const owner = randomUUID()
  const records = Array.from({ length: count }, (_, index) =>
    uploadRecord({ owner, status: statusOf(index) as UploadRecord['status'] }),
  )
  for (let from = 0; from < count; from += 25) {
    const puts = records.slice(from, from + 25).map(record => ({ PutRequest: { Item: marshall(record) } }))
    await aws.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }))
  }
  return records
}

const idsOf = (records: readonly UploadRecord[]) => records.map(({ uploadId }) => uploadId)

t.test('deleted uploads are not listed and do not count towards the size of a page', async t => {
  const records = await recorded(60, index => (index % 3 === 0 ? 'queued' : 'deleted'))
  const kept = idsOf(records.filter(({ status }) => status === 'queued')).reverse()
  const owner = records[0]?.owner ?? ''
  const first = await list({ owner, limit: 12 })
  t.strictSame(idsOf(first.uploads), kept.slice(0, 12))
  const second = await list({ owner, limit: 12, before: first.next })
  t.strictSame(idsOf(second.uploads), kept.slice(12))
  t.equal(second.next, undefined)
})

t.test('a page reads a limited number of records, and the next page continues after them', async t => {
  const records = await recorded(1_300, index => (index === 10 ? 'failed' : 'processed'))
  const owner = records[0]?.owner ?? ''
  const before = proxy.count(operation('Query'))
  const first = await list({ owner, status: 'failed', limit: 5 })
  t.strictSame(first.uploads, [])
  t.equal(first.next, records[300]?.uploadId, 'the page read a thousand records')
  t.equal(proxy.count(operation('Query')) - before, 4)
  const second = await list({ owner, status: 'failed', limit: 5, before: first.next })
  t.strictSame(idsOf(second.uploads), [records[10]?.uploadId])
  t.equal(second.next, undefined)
})
