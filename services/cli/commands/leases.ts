import { Type } from 'typebox'
import { type Lease, LeaseTableMissingError, type Pause, type ShardLag } from '../../consumer/index.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { noLeaseTableError } from '../errors.ts'
import type { Column } from '../output.ts'
import { ageText } from '../times.ts'
import { adminOptions, createAdmin } from './admin-options.ts'
import { pauseJson, pauseText } from './pause.ts'

const config = Type.Pick(workerConfigSchema, ['AWS_REGION', 'STREAM_NAME', 'APPLICATION_NAME', 'FAILOVER_TIME_MS'])

/** A lease in the output of `--json`. Times are in ISO 8601, UTC. */
interface LeaseRow {
  shardId: string
  owner: string | null
  ownerIsAlive?: boolean
  requestedBy: string | null
  leaseCounter: number
  checkpoint: string
  subSequenceNumber: number
  doneUpTo?: string | null
  oldestWaiting?: string | null
  lagMs?: number
  isTrimmed?: boolean
  /** The pause that applies to the owner, or to the whole application. */
  paused: object | null
}

export const leases = defineCommand({
  name: 'leases',
  summary: 'show which worker reads each shard, and how far the shard is behind',
  details: `Reads the lease table of APPLICATION_NAME. Then asks the stream for the arrival time of the record at each
checkpoint and of the next record. This uses one of the five GetRecords calls that a shard allows per second. If the application or one of
its workers is paused, says who paused it, when and why.

  DONE UP TO  the age of the last processed record
  WAITING     the age of the oldest record that is not processed yet; - if none waits`,
  options: {
    ...adminOptions,
    table: { type: 'boolean', description: 'read only the lease table, not the stream' },
    alive: {
      type: 'boolean',
      description: 'check which owners are alive: watch the renewals, for at most FAILOVER_TIME_MS',
    },
  },
  config,
  async run({ options, config, output }) {
    return await withAws(config, async ({ kinesis, dynamodb }) => {
      const { APPLICATION_NAME: applicationName } = config
      const name = options['lease-table']
      const admin = await createAdmin(options, { applicationName, kinesis, dynamodb, config })
      const { leases, pauses, invalidRows } = await admin.status().catch(error => {
        throw error instanceof LeaseTableMissingError ? noLeaseTableError(name ?? applicationName, error) : error
      })
      const [live, lags] = await Promise.all([
        options.alive ? admin.liveOwners(config.FAILOVER_TIME_MS) : undefined,
        options.table ? undefined : Promise.all(leases.map(lease => admin.lagOf(lease))),
      ])
      const rows = leases.map((lease, index) => toRow(lease, { lag: lags?.[index], live, pauses }))
      output.table(rows, options.table ? tableColumns : [...tableColumns, ...lagColumns()])
      for (const pause of pauses) output.note(pauseText(pause))
      for (const { problem } of invalidRows) output.note(problem)
      if (rows.length === 0 && invalidRows.length === 0)
        output.note(`The lease table '${applicationName}' is empty: no worker has listed the shards yet.`)
      return undefined
    })
  },
})

interface Observed {
  lag: ShardLag | undefined
  /** Shards whose leases were renewed. Undefined without `--alive`. */
  live: ReadonlySet<string> | undefined
  pauses: readonly Pause[]
}

function toRow(lease: Lease, { lag, live, pauses }: Observed): LeaseRow {
  const pause = pauses.find(({ workerId }) => workerId === undefined || workerId === lease.leaseOwner)
  return {
    shardId: lease.leaseKey,
    owner: lease.leaseOwner ?? null,
    ...(live && { ownerIsAlive: live.has(lease.leaseKey) }),
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
    paused: pause ? pauseJson(pause) : null,
  }
}

const tableColumns: ReadonlyArray<Column<LeaseRow>> = [
  { title: 'SHARD', cell: row => row.shardId },
  {
    title: 'OWNER',
    cell: row => `${row.owner ?? '-'}${row.owner !== null && row.ownerIsAlive === false ? ' (silent)' : ''}`,
  },
  { title: 'CHECKPOINT', cell: row => row.checkpoint },
]

function lagColumns(now = Date.now()): ReadonlyArray<Column<LeaseRow>> {
  const age = (at: string | null | undefined) => (at ? ageText(now - Date.parse(at)) : '-')
  return [
    { title: 'DONE UP TO', cell: row => (row.isTrimmed ? 'trimmed' : age(row.doneUpTo)) },
    { title: 'WAITING', cell: row => age(row.oldestWaiting) },
  ]
}
