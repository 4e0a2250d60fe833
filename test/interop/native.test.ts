import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { skipped, TIMEOUT_MS } from './support/java.ts'
import { FAILOVER_MS, isLive, ownedBy, type Row, Scene } from './support/scene.ts'
import { KCL, type KclVersion } from './support/servers.ts'

/** How late a scan may be on a busy machine. */
const SLACK_MS = 1_500
/** KCL's leader assigns leases every two failover times. In every third round, it also balances the load. */
const LEADER_ROUNDS = 4

t.setTimeout(2 * TIMEOUT_MS)

for (const version of ['kcl3-native', 'kcl34-native'] as const) {
  const options = { skip: skipped, timeout: TIMEOUT_MS }
  const title = KCL[version].title
  t.test(`a worker of ours joins workers of ${title}, and takes the leases of the dead leader in time`, options, t =>
    weJoin(t, version),
  )
  t.test(`a worker of ${title} joins ours, and gets leases only after we stop or die`, options, t =>
    theyJoin(t, version),
  )
}

/** KCL is there first. Its leader dies, and the other worker can take nothing until it is the leader. */
async function weJoin(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: 6 })
  const { journal } = scene
  const leader = await scene.kcl('java-1')
  const flow = scene.flow()
  await scene.until('all leases at the first worker', leases => ownedBy('java-1', leases).length === 6)
  const other = await scene.kcl('java-2')
  await scene.until('leases at the second worker', leases => ownedBy('java-2', leases).length > 0)

  const ours = scene.consumer('ours')
  const taken: { shardId: string; at: number }[] = []
  ours.events.on('leaseAcquired', ({ shardId }) => taken.push({ shardId, at: performance.now() }))
  await ours.start()
  const shared = await scene.until('our share', leases => ownedBy('ours', leases).length >= 2)
  t.pass('a worker of ours takes its share from live workers of KCL')

  // Each side splits a shard.
  const parents = ['ours', 'java-1'].map(owner => ownedBy(owner, shared)[0] ?? '')
  for (const parent of parents) await scene.split(parent, shared.get(parent) ?? {})
  const children = await childrenRead(scene, parents)
  t.equal(children.length, 4, 'both split shards have two children that are read')

  // The leader is killed.
  const before = await scene.leases()
  const orphans = ownedBy('java-1', before)
  t.not(orphans.length, 0, 'the leader holds leases')
  const last = taken.length
  await leader.kill()
  const killedAt = performance.now()
  await scene.until('no lease of the dead leader', leases => ownedBy('java-1', leases).length === 0)
  const delays = taken.slice(last).map(({ at }) => Math.round(at - killedAt))
  t.comment(`taken ${delays.join(', ')} ms after the leader was killed, at a failover time of ${FAILOVER_MS} ms`)
  const late = delays.filter(delay => delay > 2 * FAILOVER_MS + SLACK_MS)
  t.strictSame(late, [], 'no lease waits for longer than two failover times')
  t.ok(delays.length >= orphans.length, 'all of them are ours, beyond our share')

  // The last worker of KCL stops gracefully.
  const since = journal.tenures.length
  await other.stop()
  await scene.until('all leases at ours', leases => areAllAt('ours', leases))
  const given = other.told('shutdownRequested')
  const next = journal.tenures.slice(since).filter(({ worker }) => worker === 'ours')
  t.strictSame(
    given.map(key => next.find(({ shardId }) => shardId === key)?.checkpoint),
    given.map(key => journal.last('java-2', key)),
    'we continue exactly after the last record of a worker that stops',
  )
  await finish(t, scene, flow, children)
}

/** Our workers are there first. KCL's leader does not know of them, because they report no load. */
async function theyJoin(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: 4 })
  const { journal } = scene
  const first = scene.ourProcess('ours-1')
  const flow = scene.flow()
  const held = await scene.until('all leases at ours', leases => areAllAt('ours-1', leases) && leases.size === 4)
  await scene.kcl('java-1')
  const [one = '', two = ''] = inHashOrder(held)
  await scene.merge(one, two)
  const children = await childrenRead(scene, [one, two])
  t.equal(new Set(children.map(({ child }) => child)).size, 1, 'the merged shard is read')
  // There is no event for what the leader does not do.
  await wait(LEADER_ROUNDS * 2 * FAILOVER_MS)
  const besides = await scene.leases()
  t.comment(`the worker of KCL holds ${ownedBy('java-1', besides).length} leases beside ours`)
  t.ok(ownedBy('java-1', besides).length <= 1, 'KCL takes no lease from us; at most the merged one, which had no owner')

  await first.kill()
  await scene.until('all leases at KCL', leases => areAllAt('java-1', leases))
  t.pass('KCL takes the leases of a killed worker of ours')

  const second = scene.consumer('ours-2')
  await second.start()
  await scene.until('our share again, and a record of it', () => journal.of('ours-2').length > 0)
  const since = journal.tenures.length
  const released: string[] = []
  second.events.on('leaseLost', ({ shardId, reason }) => {
    if (reason === 'released') released.push(shardId)
  })
  await second.stop()
  t.not(released.length, 0, 'a worker of ours that stops releases its leases')
  t.ok(released.length <= 2, 'it had its share: the leases that the leader had just assigned did not count as expired')
  await scene.until('all leases at KCL again', leases => areAllAt('java-1', leases))
  const tenures = () => journal.tenures.slice(since).filter(({ worker }) => worker === 'java-1')
  await scene.until('KCL at work on them', () =>
    released.every(key => tenures().some(({ shardId }) => shardId === key)),
  )
  t.strictSame(
    released.map(key => tenures().find(({ shardId }) => shardId === key)?.checkpoint),
    released.map(key => journal.last('ours-2', key) ?? checkpointFoundBy('ours-2', key, scene)),
    'KCL continues exactly after our last record',
  )
  await finish(t, scene, flow, children)
}

/** The checkpoint that a worker leaves if it handled no record of the shard. */
function checkpointFoundBy(worker: string, key: string, { journal }: Scene): string | undefined {
  return journal.tenures.findLast(tenure => tenure.worker === worker && tenure.shardId === key)?.checkpoint
}

interface Lineage {
  readonly child: string
  readonly parent: string
}

/** Resolves when a record of every child was handled. */
async function childrenRead(scene: Scene, parents: readonly string[]): Promise<Lineage[]> {
  const of = (leases: Map<string, Row>) =>
    [...leases].flatMap(([child, { parentShardId }]) =>
      (parentShardId?.SS ?? []).filter(parent => parents.includes(parent)).map(parent => ({ child, parent })),
    )
  const leases = await scene.until('records of the children of each parent', leases => {
    const lineage = of(leases)
    const isRead = ({ child }: Lineage) => scene.journal.handlings.some(({ shardId }) => shardId === child)
    return parents.every(parent => lineage.some(each => each.parent === parent)) && lineage.every(isRead)
  })
  return of(leases)
}

async function finish(t: Test, scene: Scene, flow: { stop(): Promise<void> }, children: readonly Lineage[]) {
  const { journal } = scene
  await flow.stop()
  await scene.untilAllIsHandled()
  t.strictSame(journal.missing(scene.put), [], 'no record is lost')
  t.strictSame(journal.disorders(), [], 'the records of each key are handled in order')
  t.strictSame(journal.misplaced(), [], 'every worker begins right behind the checkpoint that it finds')
  for (const { child, parent } of children) t.strictSame(journal.early(child, parent), [], 'children after parents')
  for (const [pair, count] of journal.repeats()) t.comment(`${count} of ${scene.put.length} records: by ${pair}`)
}

function areAllAt(worker: string, leases: Map<string, Row>): boolean {
  const live = [...leases.values()].filter(isLive)
  return live.length > 0 && live.every(row => row.leaseOwner?.S === worker && row.checkpointOwner === undefined)
}

function inHashOrder(leases: Map<string, Row>): string[] {
  const start = (row: Row) => BigInt(row.startingHashKey?.S ?? 0)
  return [...leases].sort(([, a], [, b]) => (start(a) < start(b) ? -1 : 1)).map(([key]) => key)
}
