import { once } from 'node:events'
import t, { type Test } from 'tap'
import { ConsumerAdmin } from '../../services/consumer/index.ts'
import { skipped, TIMEOUT_MS } from './support/java.ts'
import { APPLICATION, FAILOVER_MS, ownedBy, Scene, STREAM } from './support/scene.ts'
import { KCL, type KclVersion } from './support/servers.ts'

t.setTimeout(2 * TIMEOUT_MS)

for (const version of ['kcl2', 'kcl3', 'kcl3-native'] as const) {
  const title = `a pause stops our worker and leaves the worker of ${KCL[version].title} undisturbed`
  t.test(title, { skip: skipped, timeout: TIMEOUT_MS }, t => story(t, version))
}

async function story(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: 4 })
  const { journal, servers } = scene
  await scene.putRecords(100)
  await scene.kcl('java')
  await scene.untilAllIsHandled()
  const ours = scene.consumer('ours')
  await ours.start()
  scene.flow()
  const isShared = (leases: Parameters<typeof ownedBy>[1]) =>
    ownedBy('java', leases).length === 2 && ownedBy('ours', leases).length === 2
  const before = await scene.until('two leases each', isShared)

  const admin = new ConsumerAdmin({
    ...{ applicationName: APPLICATION, streamName: STREAM, kinesis: servers.kinesis, dynamodb: servers.dynamodb },
  })
  const paused = once(ours.events, 'paused')
  await admin.pause({ by: 'ann', reason: 'a test' })
  await paused
  await once(ours.events, 'leaseRenewed') // Handlers in flight have ended.
  const counts = { java: journal.of('java').length, ours: journal.of('ours').length }
  const since = Date.now()
  const counterOf = (key: string, leases: typeof before) => Number(leases.get(key)?.leaseCounter?.N)
  const renewed = await scene.until('renewals and records of Java for three failover times', leases => {
    const isLong = Date.now() - since > 3 * FAILOVER_MS
    return isLong && [...before.keys()].every(key => counterOf(key, leases) > counterOf(key, before))
  })
  const owners = (leases: typeof before) => [...leases].map(([key, row]) => `${key} ${row.leaseOwner?.S}`)
  t.strictSame(owners(renewed), owners(before), 'every lease has its owner')
  t.ok(journal.of('java').length > counts.java, 'the worker of KCL continues')
  t.equal(journal.of('ours').length, counts.ours, 'ours does not')
  for (const [key, row] of renewed) t.match(row.headgatePause?.S, /"by":"ann"/, `KCL has left the pause in ${key}`)

  await admin.resume({ by: 'ann', reason: 'a test' })
  await scene.until('records of ours', () => journal.of('ours').length > counts.ours)
}
