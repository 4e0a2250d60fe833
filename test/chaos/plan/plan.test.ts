import t from 'tap'
import { contentKinds, dueOf } from './content.ts'
import { planFaults, type ScheduleSettings } from './schedule.ts'
import { formats, planUpload } from './uploads.ts'

const settings: ScheduleSettings = {
  seed: 7,
  forMs: 600_000,
  slots: { api: 2, worker: 3 },
  everyMs: 1_000,
  failoverMs: 2_000,
}

t.test('a seed gives the same faults and uploads each time, and another seed gives others', async t => {
  t.same(planFaults(settings), planFaults(settings))
  t.notSame(planFaults(settings), planFaults({ ...settings, seed: 8 }))
  const planned = (seed: number) => JSON.stringify(planUpload(seed, 12, 5))
  t.equal(planned(7), planned(7))
  t.not(planned(7), planned(8))
})

t.test('a long run has every kind of fault, in order, at every process', async t => {
  const faults = planFaults(settings)
  const seen = new Set(
    faults.map(fault =>
      'role' in fault ? `${fault.kind} ${fault.role} ${fault.slot}` : 'state' in fault ? fault.state : fault.kind,
    ),
  )
  const targets = ['api 0', 'api 1', 'worker 0', 'worker 1', 'worker 2']
  const serviceStates = ['throttled', 'failing', 'resetting', 'losing', 'slow', 'partial', 'cutting']
  const all = [
    ...['kill', 'stop', 'freeze'].flatMap(kind => targets.map(target => `${kind} ${target}`)),
    ...serviceStates,
  ]
  t.same(
    [...all, 'reshard'].filter(one => !seen.has(one)),
    [],
  )
  t.ok(faults.every(({ at }, i) => at < settings.forMs && at >= (faults[i - 1]?.at ?? 0)))
  const freezes = faults.flatMap(fault => (fault.kind === 'freeze' ? [fault.forMs] : []))
  t.ok(freezes.some(ms => ms < 2_000) && freezes.some(ms => ms > 2_000), 'shorter and longer than a lease lasts')
})

t.test(
  'many uploads cover every format, every kind of content, deletions, forms with several files and large files',
  async t => {
    const uploads = Array.from({ length: 600 }, (_, n) => planUpload(7, n, 5))
    const files = uploads.flatMap(upload => upload.files)
    t.same([...new Set(uploads.map(({ format }) => format))].sort(), [...formats].sort())
    t.same([...new Set(files.map(({ kind }) => kind))].sort(), [...contentKinds].sort())
    t.same([...new Set(uploads.map(({ user }) => user))].sort(), [0, 1, 2, 3, 4])
    t.equal(new Set(files.map(({ filename }) => filename)).size, files.length, 'no two files have one name')
    t.equal(new Set(files.map(({ bytes }) => bytes.toString('latin1'))).size > files.length * 0.9, true)
    t.ok(uploads.some(({ deleteAfterMs }) => deleteAfterMs !== undefined))
    t.ok(uploads.some(upload => upload.files.length > 1))
    t.ok(files.some(({ bytes }) => bytes.byteLength > 128 * 1024))
  },
)

t.test('the expected state of a file depends on its kind of content', async t => {
  t.same(dueOf('text', Buffer.from('größe')), { status: 'processed', bytes: Buffer.from('GRÖSSE') })
  t.same(dueOf('binary', Buffer.from([1, 255])), { status: 'processed', bytes: Buffer.from([1, 255]) })
  const row = Buffer.from('{"a":"1","b":"7-1-0"}\n')
  t.same(dueOf('table', Buffer.from('a,b\n1,7-1-0\n')), { status: 'processed', bytes: row })
  t.same(dueOf('bad-text', Buffer.from([255])), { status: 'failed', code: 'HEADGATE_TRANSFORM_REFUSED' })
})
