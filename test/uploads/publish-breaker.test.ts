import t from 'tap'
import { EventNotPublishedError } from '../../services/uploads/errors.ts'
import type { UploadEvent } from '../../services/uploads/events/event.ts'
import { createPublishBreaker } from '../../services/uploads/events/publish-breaker.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { events } from './publishing.ts'

/** Creates a breaker with a fake clock, and with a publisher whose responses the test controls. */
function start() {
  const clock = new FakeClock()
  const reported: unknown[] = []
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
    onOpen: () => reported.push('open'),
    onClose: outage => reported.push(outage),
    now: clock.now,
  })
  const [event] = events(1)
  /** Publishes an event. The test awaits the promise later, and until then a rejection counts as handled. */
  const publish = () => {
    const published = breaker.publish(event as UploadEvent)
    published.catch(() => undefined)
    return published
  }
  return { reported, asked, publish, pass: (ms: number) => clock.advance(ms) }
}

/** Creates a breaker in an outage that has just begun. */
async function broken() {
  const all = start()
  const first = all.publish()
  all.pass(1_000)
  all.asked[0]?.refuse()
  await first.catch(() => undefined)
  return all
}

t.test('after an event timed out and no other was published, events are rejected without being sent', async t => {
  const { reported, asked, publish } = await broken()
  t.same(reported, ['open'])
  await t.rejects(publish(), { code: 'HEADGATE_EVENT_NOT_PUBLISHED', cause: { message: 'gone' } })
  t.equal(asked.length, 1)
})

t.test('a failure does not start an outage if it is immediate or another event was published meanwhile', async t => {
  const { reported, asked, publish, pass } = start()
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
  t.same(reported, [])
})

t.test('during an outage, one event at a time probes Kinesis, at intervals and with a short timeout', async t => {
  const { reported, asked, publish, pass } = await broken()
  pass(499)
  await t.rejects(publish())
  t.equal(asked.length, 1)
  pass(1)
  const probe = publish()
  t.equal(asked.length, 2)
  await t.rejects(publish(), 'a second event is not sent at the same time')
  await t.rejects(probe, /was not sent/, 'before the response arrives')
  asked[1]?.refuse()
  await new Promise(resolve => setImmediate(resolve))
  await t.rejects(publish())
  t.equal(asked.length, 2, 'the next probe waits for the interval')
  pass(500)
  const last = publish()
  asked[2]?.take()
  await last
  t.match(reported, ['open', { ms: 1_000, refused: 4 }])
  const after = publish()
  asked[3]?.take()
  await after
})

t.test('an outage also ends when a late probe or an event from before the outage is published', async t => {
  const { reported, asked, publish, pass } = await broken()
  pass(500)
  await t.rejects(publish(), /was not sent/)
  asked[1]?.take()
  await new Promise(resolve => setImmediate(resolve))
  t.match(reported, ['open', { refused: 1 }])

  const late = start()
  const [first, second] = [late.publish(), late.publish()]
  late.pass(1_000)
  late.asked[0]?.refuse()
  await t.rejects(first)
  late.asked[1]?.take()
  await second
  t.match(late.reported, ['open', { ms: 0 }])
})
