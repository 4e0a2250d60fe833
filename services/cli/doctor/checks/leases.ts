import { setTimeout as delay } from 'node:timers/promises'
import { type ApplicationStatus, ConsumerAdmin, type Lease } from '../../../consumer/index.ts'
import { arn, attempt } from '../attempt.ts'
import { type Check, type CheckContext, failed, ok, skipped } from '../check.ts'

/** Maximum wait for renewals. A worker renews a lease several times within the failover time. */
const MAX_WAIT_MS = 15_000
const POLL_MS = 500

export const leases: Check = {
  id: 'leases',
  title: 'workers hold and renew the leases, so that records are processed',
  async run(context) {
    const { PROCESSOR_FUNCTION, FAILOVER_TIME_MS, APPLICATION_NAME } = context.config
    if (PROCESSOR_FUNCTION !== undefined) return skipped('PROCESSOR_FUNCTION is set: see the check `mapping`')
    const { leases: before, pauses, invalidRows } = await readStatus(context)
    if (invalidRows.length > 0) {
      return failed(
        invalidRows.map(({ problem }) => problem).join(' '),
        'No worker takes leases until the row is repaired or deleted. A deleted row loses the checkpoint of its shard.',
      )
    }
    const [pause] = pauses
    if (pause) {
      return failed(
        `${pause.workerId === undefined ? 'processing' : `the worker '${pause.workerId}'`} is paused since ${pause.at.toISOString()} by ${pause.by}: ${pause.reason}`,
        `When the reason is gone, run \`headgate resume${pause.workerId === undefined ? '' : ` --worker ${pause.workerId}`}\`.`,
      )
    }
    const until = context.now() + Math.min(FAILOVER_TIME_MS, MAX_WAIT_MS)
    let after = before
    let unread = unreadLeases(before, after)
    while (unread.length > 0 && context.now() < until) {
      await delay(POLL_MS, undefined, { signal: context.signal })
      after = (await readStatus(context)).leases
      unread = unreadLeases(before, after)
    }
    const open = after.filter(isOpen).length
    if (open === 0) {
      return failed(
        `the lease table '${APPLICATION_NAME}' has no lease of an open shard`,
        'No worker has listed the shards yet. Start a worker, and see its log. On Lambda, set PROCESSOR_FUNCTION to the function.',
      )
    }
    if (unread.length === 0) return ok(`${open} leases are held and were renewed`)
    const free = unread.filter(({ leaseOwner }) => leaseOwner === undefined).length
    const shards = unread.map(({ leaseKey }) => leaseKey).join(', ')
    return failed(
      `of ${open} leases, ${free} have no owner and ${unread.length - free} were not renewed: ${shards}`,
      'No worker runs, or too few do. Check the tasks of the worker, its log, and /readyz of HEALTH_PORT. The worker needs this APPLICATION_NAME, and write access to its lease table.',
    )
  },
}

async function readStatus({ config, aws }: CheckContext): Promise<ApplicationStatus> {
  const { APPLICATION_NAME: applicationName, STREAM_NAME: streamName, AWS_REGION: region } = config
  const admin = new ConsumerAdmin({ applicationName, streamName, kinesis: aws.kinesis, dynamodb: aws.dynamodb })
  const resource = arn.table(region, applicationName)
  return await attempt({ action: 'dynamodb:Scan', resource, variable: 'APPLICATION_NAME' }, admin.status())
}

/** Returns true unless the shard is processed to its end. Leases of finished shards stay in the table for a while. */
function isOpen({ checkpoint }: Lease): boolean {
  return checkpoint.sequenceNumber !== 'SHARD_END'
}

/** Returns the open leases without an owner, and those that were not renewed: a worker increments the counter with each renewal. */
function unreadLeases(before: readonly Lease[], after: readonly Lease[]): Lease[] {
  const counters = new Map(before.map(({ leaseKey, leaseCounter }) => [leaseKey, leaseCounter]))
  return after.filter(
    lease => isOpen(lease) && (lease.leaseOwner === undefined || counters.get(lease.leaseKey) === lease.leaseCounter),
  )
}
