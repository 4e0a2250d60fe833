import { once } from 'node:events'
import { hostname, userInfo } from 'node:os'
import { PutRecordsCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { names } from '../../services/platform/resources.ts'
import { whenever } from '../consumer/support.ts'
import { startAws } from '../support/aws.ts'
import { headgateHere } from './program.ts'

t.test(
  'headgate pause stops a worker, headgate leases and doctor say why, and headgate resume continues it',
  async t => {
    const aws = await startAws(t, { shards: 1 })
    const { kinesis, dynamodb } = aws
    const headgate = headgateHere(t, { ...aws.env, FAILOVER_TIME_MS: '2000' })

    t.match(await headgate('pause'), { code: 2, stderr: /Give the reason of the pause with --reason TEXT/ })
    t.match(await headgate('pause', '--reason', 'x'), { code: 1, stderr: /There is no lease table 'headgate-worker'/ })

    const handled: string[] = []
    const isHandled = Promise.withResolvers<void>()
    const consumer = new KinesisConsumer({
      ...{ applicationName: names.application, streamName: names.stream, kinesis, dynamodb, workerId: 'worker-1' },
      leaseTable: { name: 'other-table' },
      failoverMs: 2_000,
      handler: ({ partitionKey }) => {
        handled.push(partitionKey ?? '')
        isHandled.resolve()
      },
    })
    t.teardown(() => consumer.stop())
    await consumer.start()
    await whenever([consumer], () => consumer.snapshot().length === 1)
    const table = ['--lease-table', 'other-table']

    const paused = once(consumer.events, 'paused')
    const pause = await headgate('pause', ...table, '--reason', 'the table is migrated', '--by', 'ann')
    t.match(pause, {
      code: 0,
      stdout: /^'headgate-worker' is paused\. Its reading stops within about two seconds\.\n$/,
    })
    await paused
    const Records = [{ PartitionKey: 'a', Data: Buffer.from('a') }]
    await kinesis.send(new PutRecordsCommand({ StreamName: names.stream, Records }))

    const shown = await headgate('leases', '--table', ...table)
    t.match(shown.stderr, /^All workers are paused since \d{4}-.*Z by ann: the table is migrated\n$/)
    const [lease] = (await headgate('leases', '--table', '--json', ...table)).lines()
    t.match(lease, {
      owner: 'worker-1',
      paused: { workerId: null, by: 'ann', reason: 'the table is migrated', at: /Z$/ },
    })
    await once(consumer.events, 'leaseRenewed')
    t.same(handled, [])

    t.match(await headgate('pause', ...table, '--worker', 'worker1', '--reason', 'x'), {
      code: 1,
      stdout: '',
      stderr:
        /a worker with the id 'worker1', so nothing is paused\. Did you mean 'worker-1'\? Check the id with .*\n$/,
    })
    t.match(await headgate('resume', ...table, '--worker', 'worker1'), {
      code: 0,
      stdout: /^The worker 'worker1' of 'headgate-worker' was not paused, so nothing is changed\.\n$/,
      stderr: /^No lease is held by a worker with the id 'worker1'\..*\nAll workers are paused since .* by ann: /,
    })
    const later = ['--worker', 'w', '--reason', 'x', '--without-lease']
    t.match((await headgate('pause', ...table, ...later, '--json')).lines(), [
      { workerId: 'w', isPaused: true, wasPaused: false, pauses: [{ workerId: null }, { workerId: 'w' }] },
    ])
    t.match(await headgate('pause', ...table, ...later), {
      code: 0,
      stderr: /^No lease is held by a worker with the id 'w'\..*\nAll workers are paused since .* by ann: /,
    })

    const resumed = once(consumer.events, 'resumed')
    const resume = await headgate('resume', ...table, '--application', names.application)
    t.match(resume, {
      code: 0,
      stdout: /^'headgate-worker' is resumed\.\n$/,
      stderr: /^The worker 'w' is paused since .*: x\n$/,
    })
    t.match(await headgate('resume', ...table), {
      code: 0,
      stdout: /^'headgate-worker' was not paused, so nothing is changed\.\n$/,
      stderr: /^The worker 'w' is paused since .*: x\n$/,
    })
    t.match(await resumed, [{ by: `${userInfo().username}@${hostname()}` }])
    await isHandled.promise
    t.same(handled, ['a'])
  },
)
