import { ResourceNotFoundException } from '@aws-sdk/client-dynamodb'
import { Type } from 'typebox'
import { ConsumerAdmin, type Lease, type ShardLag } from '../../consumer/index.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { NothingFoundError } from '../errors.ts'
import type { Column } from '../output.ts'
import { ageText } from '../times.ts'

const config = Type.Pick(workerConfigSchema, ['AWS_REGION', 'STREAM_NAME', 'APPLICATION_NAME'])

/** A lease as `--json` shows it. Times in ISO 8601, UTC. */
interface LeaseRow {
  shardId: string
  owner: string | null
  requestedBy: string | null
  leaseCounter: number
  checkpoint: string
  subSequenceNumber: number
  doneUpTo?: string | null
  oldestWaiting?: string | null
  lagMs?: number
  isTrimmed?: boolean
}

export const leases = defineCommand({
  name: 'leases',
  summary: 'who reads which shard, how far it is done, and how old what waits there is',
  details: `Reads the lease table of APPLICATION_NAME, and asks the stream when the record at each checkpoint came and when the first
one behind it did. That takes one of the five GetRecords that a shard allows a second.

  DONE UP TO  how long ago the last record that is done came
  WAITING     how long ago the first record that is not done came; - where none waits`,
  options: { table: { type: 'boolean', description: 'read the lease table alone, and ask nothing of the stream' } },
  config,
  async run({ options, config, output }) {
    return await withAws(config, async ({ kinesis, dynamodb }) => {
      const { APPLICATION_NAME: applicationName, STREAM_NAME: streamName } = config
      const admin = new ConsumerAdmin({ applicationName, streamName, kinesis, dynamodb })
      const leases = await admin.leases().catch(error => {
        throw error instanceof ResourceNotFoundException ? noTable(applicationName, error) : error
      })
      const rows = await Promise.all(
        leases.map(async lease => toRow(lease, options.table ? undefined : await admin.lagOf(lease))),
      )
      output.table(rows, options.table ? tableColumns : [...tableColumns, ...lagColumns()])
      if (rows.length === 0)
        output.note(`The lease table '${applicationName}' is empty: no worker has listed the shards yet.`)
      return undefined
    })
  },
})

function noTable(applicationName: string, cause: Error): NothingFoundError {
  return new NothingFoundError(
    `There is no lease table '${applicationName}': no worker of this application has run here. Check APPLICATION_NAME and AWS_REGION.`,
    { cause },
  )
}

function toRow(lease: Lease, lag: ShardLag | undefined): LeaseRow {
  return {
    shardId: lease.leaseKey,
    owner: lease.leaseOwner ?? null,
    requestedBy: lease.requestedBy ?? null,
    leaseCounter: lease.leaseCounter,
    checkpoint: lease.checkpoint.sequenceNumber,
    subSequenceNumber: lease.checkpoint.subSequenceNumber,
    ...(lag && {
      doneUpTo: lag.doneUpTo?.toISOString() ?? null,
      oldestWaiting: lag.oldestWaiting?.toISOString() ?? null,
      lagMs: lag.oldestWaiting ? Math.max(0, Date.now() - lag.oldestWaiting.getTime()) : 0,
      isTrimmed: lag.isTrimmed,
    }),
  }
}

const tableColumns: ReadonlyArray<Column<LeaseRow>> = [
  { title: 'SHARD', cell: row => row.shardId },
  { title: 'OWNER', cell: row => row.owner ?? '-' },
  { title: 'CHECKPOINT', cell: row => row.checkpoint },
]

function lagColumns(now = Date.now()): ReadonlyArray<Column<LeaseRow>> {
  const age = (at: string | null | undefined) => (at ? ageText(now - Date.parse(at)) : '-')
  return [
    { title: 'DONE UP TO', cell: row => (row.isTrimmed ? 'trimmed' : age(row.doneUpTo)) },
    { title: 'WAITING', cell: row => age(row.oldestWaiting) },
  ]
}
