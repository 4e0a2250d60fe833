import t, { type Test } from 'tap'
import { skipped, TIMEOUT_MS } from './support/java.ts'
import { ownedBy, Scene } from './support/scene.ts'
import { KCL, type KclVersion } from './support/servers.ts'

t.setTimeout(2 * TIMEOUT_MS)

for (const version of ['kcl2', 'kcl3'] as const) {
  const title = `a worker of ${KCL[version].title} and ours share a table, and no record is lost`
  t.test(title, { skip: skipped, timeout: TIMEOUT_MS }, t => story(t, version))
}

/** One stream, from the first Java worker to the last: each step starts from the table that the one before has left. */
async function story(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: 4 })
  const { journal } = scene
  const ours = scene.consumer('ours')
  const losses: string[] = []
  ours.events.on('leaseLost', ({ shardId, reason }) => losses.push(`${shardId} ${reason}`))
  const takenFromUs = (leases: readonly string[]) => {
    return leases.every(key => losses.includes(`${key} taken by another worker`))
  }
  /** Both have their share of the six shards. KCL counts the leases of ended shards as well, so it may be content with two. */
  const shared = (java: string) =>
    scene.until(`${java} and ours sharing the shards`, leases => {
      const theirs = ownedBy(java, leases).length
      return theirs >= 2 && theirs <= 4 && ownedBy('ours', leases).length === 6 - theirs
    })
  const allIn = (worker: string) =>
    scene.until(`all leases in the hands of ${worker}`, leases => ownedBy(worker, leases).length === 6)
  /** Where the next worker of these shards has gone on, and where the one before had come to. */
  const handedOver = (shards: readonly string[], from: string, since: number) => {
    const next = journal.tenures.slice(since).filter(tenure => tenure.worker !== from)
    return {
      found: shards.map(key => next.find(tenure => tenure.shardId === key)?.checkpoint),
      left: shards.map(key => journal.last(from, key)),
    }
  }

  // Java alone makes the table and works through what is there.
  await scene.putRecords(400)
  const first = await scene.kcl('java-1')
  await scene.untilAllIsHandled()

  // We join, and take our share from it while records come.
  const flow = scene.flow()
  await ours.start()
  const balanced = await scene.until('two leases each', leases => {
    return ownedBy('java-1', leases).length === 2 && ownedBy('ours', leases).length === 2
  })
  const before = { ours: journal.of('ours').length, java: journal.of('java-1').length }
  await scene.until('records for both', () => {
    return journal.of('ours').length > before.ours + 30 && journal.of('java-1').length > before.java + 30
  })
  t.pass('a worker of ours takes its share from Java, and both work')

  // One shard of each is split.
  const [ourParent = '', javaParent = ''] = [ownedBy('ours', balanced)[0], ownedBy('java-1', balanced)[0]]
  const endedByUs: string[] = []
  ours.events.on('shardEnded', ({ shardId }) => endedByUs.push(shardId))
  for (const parent of [ourParent, javaParent]) await scene.split(parent, balanced.get(parent) ?? {})
  const split = await shared('java-1')
  t.strictSame([endedByUs, first.told('shardEnded')], [[ourParent], [javaParent]], 'each ends the shard it has')
  const children = [...split].flatMap(([child, { parentShardId }]) => {
    return parentShardId?.SS?.[0] === undefined ? [] : [{ child, parent: parentShardId.SS[0] }]
  })
  t.equal(children.length, 4, 'both have two children')
  await scene.until('records of every child', () => {
    return children.every(({ child }) => journal.handlings.some(each => each.shardId === child))
  })

  // Java stops: KCL leaves its leases as they are, and they run out.
  const since = journal.tenures.length
  await first.stop()
  await allIn('ours')
  const given = first.told('shutdownRequested')
  t.not(given.length, 0, 'a worker of KCL that stops is told to')
  const graceful = handedOver(given, 'java-1', since)
  t.strictSame(graceful.found, graceful.left, 'we go on exactly where a worker of KCL that stops has come to')

  // Java comes again and takes its share from us.
  const second = await scene.kcl('java-2')
  const stolen = ownedBy('java-2', await shared('java-2'))
  await scene.until('our notice of what was taken', () => takenFromUs(stolen))
  await scene.until('records for Java from there', () => stolen.every(key => journal.last('java-2', key) !== undefined))
  t.pass('a worker of KCL takes its share from us, and we notice')

  // Java is killed.
  await second.kill()
  await allIn('ours')
  t.pass('what a killed worker of KCL had is taken over')

  // And back to Java for good.
  const third = await scene.kcl('java-3')
  await shared('java-3')
  const [sinceOurs, sinceLoss] = [journal.tenures.length, losses.length]
  await ours.stop()
  const held = losses.slice(sinceLoss).flatMap(loss => (loss.endsWith(' released') ? [loss.split(' ')[0] ?? ''] : []))
  t.not(held.length, 0, 'a worker of ours that stops gives up its leases')
  await allIn('java-3')
  await scene.until('Java at work on all that was ours', () => {
    const begun = new Set(third.told('initialized'))
    return held.every(key => begun.has(key))
  })
  const back = handedOver(held, 'ours', sinceOurs)
  t.strictSame(back.found, back.left, 'Java goes on exactly where a worker of ours that stops has come to')

  await flow.stop()
  await scene.untilAllIsHandled()
  await third.stop()
  t.strictSame(journal.missing(scene.put), [], 'no record is lost')
  t.strictSame(journal.disorders(), [], 'the records of each key are handled in order')
  t.strictSame(journal.misplaced(), [], 'every worker begins right behind the checkpoint that it finds')
  for (const { child, parent } of children) t.strictSame(journal.early(child, parent), [], 'children after parents')
}
