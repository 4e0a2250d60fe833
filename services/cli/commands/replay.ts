import { Type } from 'typebox'
import {
  type ConsumerAdmin,
  LeaseTableMissingError,
  type ReplayEstimate,
  type ShardReplay,
} from '../../consumer/index.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { exitCodes, noLeaseTableError, RefusedError, UsageError } from '../errors.ts'
import type { Output } from '../output.ts'
import { parseTime, TIME_HELP } from '../times.ts'
import { type AdminCommandOptions, adminOptions, createAdmin } from './admin-options.ts'

const config = Type.Pick(workerConfigSchema, ['AWS_REGION', 'STREAM_NAME', 'APPLICATION_NAME', 'FAILOVER_TIME_MS'])

interface ReplayOptions extends AdminCommandOptions {
  from?: string | undefined
  'from-sequence'?: string | undefined
  shard?: string[] | undefined
  as?: string | undefined
  running?: boolean | undefined
  'dry-run'?: boolean | undefined
}

export const replay = defineCommand({
  name: 'replay',
  summary: 'process all records after a given time again',
  details: `Moves every checkpoint of APPLICATION_NAME that is later than the given time back to that time, including the checkpoints of shards
that have ended since. The workers continue from the moved checkpoints. Processing an event again produces the same outputs, unless
the transform has changed.

Refuses to run if a worker holds one of the leases. To find out, the command watches the lease table for FAILOVER_TIME_MS. With
--running, it moves the checkpoints even if workers hold the leases: the workers lose these leases, and the records in flight are
processed again.

With --as, it does not change this application, and prepares a new application that starts at the given time. Run workers with that
APPLICATION_NAME until \`headgate leases\` shows that no records wait. Then delete the lease table of that name.`,
  options: {
    from: { type: 'string', value: 'TIME', description: `the time to start at, ${TIME_HELP}` },
    'from-sequence': {
      type: 'string',
      value: 'NUMBER',
      description: 'instead of --from: the time at which this record of --shard arrived',
    },
    ...adminOptions,
    shard: { type: 'string', multiple: true, value: 'ID', description: 'only this shard. Can be given several times' },
    as: { type: 'string', value: 'NAME', description: 'prepare a new application with this name instead' },
    running: { type: 'boolean', description: 'take the leases from running workers' },
    'dry-run': { type: 'boolean', description: 'only show what would change' },
  },
  config,
  async run({ options, config, output }) {
    checkOptions(options)
    return await withAws(config, async ({ kinesis, dynamodb }) => {
      const applicationName = options.as ?? config.APPLICATION_NAME
      const admin = await createAdmin(options, { applicationName, kinesis, dynamodb, config })
      const at = await startOf(options, admin)
      if (options.as !== undefined) return await prepare(admin, { at, name: options.as, ...options }, output)

      const plans = await admin.planReplay({ at, shardIds: options.shard }).catch(error => {
        throw error instanceof LeaseTableMissingError
          ? noLeaseTableError(options['lease-table'] ?? applicationName, error)
          : error
      })
      const moves = plans.filter(({ change }) => change !== 'none')
      const live = moves.length === 0 ? new Set<string>() : await admin.liveOwners(config.FAILOVER_TIME_MS)
      const held = moves.filter(({ shardId }) => live.has(shardId))
      if (options['dry-run']) {
        printPlans(plans, { live, estimates: await admin.estimateReplay(plans) }, output)
        output.note(
          `${moves.length} ${moves.length === 1 ? 'shard' : 'shards'} would be moved back to ${at.toISOString()}. Nothing was changed.`,
        )
        return exitCodes.done
      }
      if (held.length > 0 && !options.running) {
        throw new RefusedError(
          `Workers hold ${held.length} of the leases (${held.map(({ shardId }) => shardId).join(', ')}). Stop the workers first, or take the leases from them with --running.`,
        )
      }
      for (const plan of plans) {
        const isDone = await admin.replay(plan, at)
        const outcome = isDone ? 'moved back' : 'unchanged'
        output.item({ shardId: plan.shardId, outcome, at: at.toISOString() }, `${plan.shardId}  ${outcome}${why(plan)}`)
      }
      return exitCodes.done
    })
  },
})

/** @throws UsageError */
function checkOptions({ from, 'from-sequence': sequence, shard, as }: ReplayOptions): void {
  if ((from === undefined) === (sequence === undefined)) {
    throw new UsageError('Give either --from TIME, or --from-sequence NUMBER with the --shard of that record.')
  }
  if (sequence !== undefined && !/^\d+$/.test(sequence))
    throw new UsageError('--from-sequence must consist of decimal digits.')
  if (sequence !== undefined && shard?.length !== 1)
    throw new UsageError('--from-sequence needs exactly one --shard, the shard of that record.')
  if (as === undefined) return
  if (!/^[a-zA-Z0-9_.-]{3,255}$/.test(as)) throw new UsageError('--as must be a valid name of a DynamoDB table.')
  if (shard !== undefined && sequence === undefined) {
    throw new UsageError('A new application reads every shard. Use --shard with --as only for --from-sequence.')
  }
}

async function startOf(options: ReplayOptions, admin: ConsumerAdmin): Promise<Date> {
  const { from, 'from-sequence': sequence = '', shard = [] } = options
  const at = parseTime('from', from) ?? (await admin.momentOf(shard[0] ?? '', sequence))
  if (at.getTime() > Date.now()) throw new UsageError(`--from must be a time in the past, not ${at.toISOString()}.`)
  return at
}

async function prepare(
  admin: ConsumerAdmin,
  { at, name, 'dry-run': dryRun }: { at: Date; name: string } & ReplayOptions,
  output: Output,
): Promise<number> {
  if (dryRun) {
    output.item({ applicationName: name, at: at.toISOString() }, `'${name}' would start at ${at.toISOString()}.`)
    output.note('Nothing was changed.')
    return exitCodes.done
  }
  const shardIds = await admin.prepare(at)
  output.item(
    { applicationName: name, at: at.toISOString(), shardIds },
    `'${name}' starts at ${at.toISOString()} in ${shardIds.length} ${shardIds.length === 1 ? 'shard' : 'shards'}. Run workers with APPLICATION_NAME=${name}.`,
  )
  return exitCodes.done
}

interface Found {
  live: ReadonlySet<string>
  estimates: ReadonlyMap<string, ReplayEstimate>
}

function printPlans(plans: readonly ShardReplay[], { live, estimates }: Found, output: Output): void {
  const rows = plans.map(plan => ({
    shardId: plan.shardId,
    change: plan.change,
    ...(plan.change === 'none' ? { why: plan.why } : {}),
    checkpoint: plan.change === 'move' ? plan.lease.checkpoint.sequenceNumber : null,
    firstRecord: plan.first?.sequenceNumber ?? null,
    firstArrivedAt: plan.first?.arrivedAt.toISOString() ?? null,
    owner: plan.change === 'move' ? (plan.lease.leaseOwner ?? null) : null,
    ownerIsAlive: live.has(plan.shardId),
    estimate: estimates.get(plan.shardId) ?? null,
  }))
  output.table(rows, [
    { title: 'SHARD', cell: row => row.shardId },
    { title: 'CHANGE', cell: row => ('why' in row && row.why ? `none: ${row.why}` : 'move back') },
    { title: 'FIRST RECORD ARRIVED', cell: row => row.firstArrivedAt ?? '-' },
    { title: 'CHECKPOINT NOW', cell: row => row.checkpoint ?? '-' },
    {
      title: 'RECORDS',
      cell: ({ change, estimate }) => {
        if (change === 'none') return '-'
        return estimate ? `about ${estimate.records} (${estimate.minRecords} to ${estimate.maxRecords})` : 'unknown'
      },
    },
    {
      title: 'TAKES AT LEAST',
      cell: ({ change, estimate }) => {
        if (change === 'none') return '-'
        return estimate ? `${(estimate.minDurationMs / 1_000).toFixed(1)} s` : 'unknown'
      },
    },
    { title: 'HELD BY', cell: row => (row.ownerIsAlive ? (row.owner ?? '-') : '-') },
  ])
}

function why(plan: ShardReplay): string {
  return plan.change === 'none' ? `: ${plan.why}` : ''
}
