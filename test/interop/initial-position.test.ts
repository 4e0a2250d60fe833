import t, { type Test } from 'tap'
import { skipped, TIMEOUT_MS } from './support/java.ts'
import { ownedBy, Scene } from './support/scene.ts'
import { KCL, type KclVersion } from './support/servers.ts'

t.setTimeout(2 * TIMEOUT_MS)

for (const version of ['kcl2', 'kcl3', 'kcl3-native'] as const) {
  const title = `a worker of ${KCL[version].title} takes over leases that started at LATEST and were never read from`
  t.test(title, { skip: skipped, timeout: TIMEOUT_MS }, t => takeOverUnread(t, version))
}

async function takeOverUnread(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: 2 })
  await scene.putRecords(50)
  const ours = scene.consumer('ours', { initialPosition: 'LATEST' })
  await ours.start()
  await scene.until('both leases in our hands', leases => ownedBy('ours', leases).length === 2)
  await ours.stop()
  t.strictSame(scene.journal.handlings, [], 'nothing that was there before is handled')

  await scene.kcl('java', { initialPosition: 'LATEST' })
  const flow = scene.flow()
  await scene.until('records of both shards at Java', () => {
    return new Set(scene.journal.of('java').map(each => each.shardId)).size === 2
  })
  await flow.stop()
  const old = new Set(scene.put.slice(0, 50))
  t.strictSame(
    scene.journal.of('java').filter(each => old.has(each.text)),
    [],
    'nor by Java',
  )
}
