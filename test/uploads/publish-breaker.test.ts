import t from 'tap'
import { EventNotPublishedError } from '../../services/uploads/errors.ts'
import type { UploadEvent } from '../../services/uploads/events/event.ts'
import { createPublishBreaker } from '../../services/uploads/events/publish-breaker.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { events } from './publishing.ts'

/** A breaker over a publisher whose answers, and whose clock, the test gives. */
function start() {
  const clock = new FakeClock()
  const told: unknown[] = []
  const asked: Array<{ event: UploadEvent; take(): void; refuse(): void }> = []
  const breaker = createPublishBreaker({
    publisher: {
      publish: event =>
        new Promise((resolve, reject) => {
          asked.push({ event, take: resolve, refuse: () => reject(new EventNotPublishedError('gone')) })
        }),
      drain: async () => undefined,
    },
    slowMs: 1_000,
    probeEveryMs: 500,
    probeTimeoutMs: 50,
    onOpen: () => told.push('open'),
    onClose: outage => told.push(outage),
    now: clock.now,
  })
  const [event] = events(1)
  /** Begins to publish. Its promise is looked at later, and is no unhandled rejection until then. */
  const publish = () => {
    const published = breaker.publish(event as UploadEvent)
    published.catch(() => undefined)
    return published
  }
  return { told, asked, publish, pass: (ms: number) => clock.advance(ms) }
}

/** With an outage that has just begun. */
async function broken() {
  const all = start()
  const first = all.publish()
  all.pass(1_000)
  all.asked[0]?.refuse()
  await first.catch(() => undefined)
  return all
}

t.test('once nothing was taken for as long as an event waits, events are refused without being sent', async t => {
  const { told, asked, publish } = await broken()
  t.same(told, ['open'])
  await t.rejects(publish(), { code: 'HEADGATE_EVENT_NOT_PUBLISHED', cause: { message: 'gone' } })
  t.equal(asked.length, 1)
})

t.test('a failure opens nothing where others were taken meanwhile, or where it came at once', async t => {
  const { told, asked, publish, pass } = start()
  const slow = publish()
  pass(600)
  const quick = publish()
  pass(400)
  asked[1]?.take()
  await quick
  asked[0]?.refuse()
  await t.rejects(slow)
  const full = publish()
  asked[2]?.refuse()
  await t.rejects(full)
  t.same(told, [])
})

t.test('now and then one event is sent all the same, one at a time, and waited for a moment only', async t => {
  const { told, asked, publish, pass } = await broken()
  pass(499)
  await t.rejects(publish())
  t.equal(asked.length, 1)
  pass(1)
  const probe = publish()
  t.equal(asked.length, 2)
  await t.rejects(publish(), 'no second one beside it')
  await t.rejects(probe, /was not sent/, 'while its answer is still to come')
  asked[1]?.refuse()
  await new Promise(resolve => setImmediate(resolve))
  await t.rejects(publish())
  t.equal(asked.length, 2, 'the next one has its time')
  pass(500)
  const last = publish()
  asked[2]?.take()
  await last
  t.match(told, ['open', { ms: 1_000, refused: 4 }])
  const after = publish()
  asked[3]?.take()
  await after
})

t.test('a probe that is taken late ends the outage as well, and so does an event from before it', async t => {
  const { told, asked, publish, pass } = await broken()
  pass(500)
  await t.rejects(publish(), /was not sent/)
  asked[1]?.take()
  await new Promise(resolve => setImmediate(resolve))
  t.match(told, ['open', { refused: 1 }])

  const late = start()
  const [first, second] = [late.publish(), late.publish()]
  late.pass(1_000)
  late.asked[0]?.refuse()
  await t.rejects(first)
  late.asked[1]?.take()
  await second
  t.match(late.told, ['open', { ms: 0 }])
})
