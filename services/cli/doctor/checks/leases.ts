import { setTimeout as pass } from 'node:timers/promises'
import { ConsumerAdmin, type Lease } from '../../../consumer/index.ts'
import { arn, attempt } from '../attempt.ts'
import { type Check, type CheckContext, failed, ok, skipped } from '../check.ts'
import { isOpen, judgeLeases } from '../judge-leases.ts'

/** A lease is renewed several times within its failover time. The wait ends as soon as all have been. */
const MAX_WAIT_MS = 15_000
const POLL_MS = 500

export const leases: Check = {
  id: 'leases',
  title: 'workers hold the leases, and renew them: the processor is triggered',
  async run(context) {
    const { PROCESSOR_FUNCTION, FAILOVER_TIME_MS, APPLICATION_NAME } = context.config
    if (PROCESSOR_FUNCTION !== undefined) return skipped('PROCESSOR_FUNCTION is set: see the check `mapping`')
    const before = await readLeases(context)
    const until = context.now() + Math.min(FAILOVER_TIME_MS, MAX_WAIT_MS)
    let judged = judgeLeases(before, before)
    while (before.some(isOpen) && judged.stuck.length > 0 && context.now() < until) {
      await pass(POLL_MS, undefined, { signal: context.signal })
      judged = judgeLeases(before, await readLeases(context))
    }
    const { open, stuck, free } = judged
    if (open === 0) {
      return failed(
        `the lease table '${APPLICATION_NAME}' has no lease of an open shard`,
        'No worker has listed the shards yet: start one, and see its log. On Lambda, set PROCESSOR_FUNCTION to the function.',
      )
    }
    if (stuck.length === 0) return ok(`${open} leases are held and were renewed`)
    const seen = `of ${open} leases ${free.length} are held by nobody, and ${stuck.length - free.length} were not renewed: ${stuck.join(', ')}`
    return failed(
      seen,
      'No worker is alive, or too few: see that the worker runs (its tasks, its log, /readyz of HEALTH_PORT) with this APPLICATION_NAME, and may write to its lease table.',
    )
  },
}

async function readLeases({ config, aws }: CheckContext): Promise<Lease[]> {
  const { APPLICATION_NAME: applicationName, STREAM_NAME: streamName, AWS_REGION: region } = config
  const admin = new ConsumerAdmin({ applicationName, streamName, kinesis: aws.kinesis, dynamodb: aws.dynamodb })
  const resource = arn.table(region, applicationName)
  return await attempt({ action: 'dynamodb:Scan', resource, variable: 'APPLICATION_NAME' }, admin.leases())
}
