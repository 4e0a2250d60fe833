import t from 'tap'
import { DestinationBreaker } from '../../../services/worker/notifications/breaker.ts'

function createBreaker({ failures = 3, openMs = 100, maxOpenMs = 350 } = {}) {
  let time = 0
  const reports: string[] = []
  const breaker = new DestinationBreaker({
    ...{ failures, openMs, maxOpenMs, now: () => time },
    onOpen: () => reports.push('open'),
    onClose: () => reports.push('closed'),
  })
  const advance = (ms: number) => {
    time += ms
  }
  return { breaker, reports, advance }
}

t.test('a breaker opens after failures in a row, and each failed probe doubles the time', async t => {
  const { breaker, reports, advance } = createBreaker()
  breaker.failed()
  breaker.failed()
  breaker.succeeded()
  breaker.failed()
  breaker.failed()
  t.ok(breaker.enter(), 'a success in between counts from the beginning')
  breaker.failed()
  t.strictSame([breaker.isOpen, breaker.heldForMs, reports], [true, 100, ['open']])
  for (const ms of [200, 350, 350]) {
    advance(breaker.heldForMs)
    t.ok(breaker.enter(), 'a probe')
    t.notOk(breaker.enter(), 'only one')
    breaker.failed()
    t.equal(breaker.heldForMs, ms)
  }
  advance(350)
  t.ok(breaker.enter())
  breaker.succeeded()
  t.strictSame([breaker.isOpen, reports], [false, ['open', 'closed']])
})

t.test('a receiver that asks for a wait opens the breaker for that time, and is not reported as broken', async t => {
  const { breaker, reports, advance } = createBreaker()
  breaker.failed(1_000)
  t.strictSame([breaker.isOpen, breaker.heldForMs], [true, 1_000])
  advance(400)
  breaker.failed(300)
  t.equal(breaker.heldForMs, 600, 'an earlier attempt that asks for less does not shorten the wait')
  breaker.failed(900)
  t.equal(breaker.heldForMs, 900, 'one that asks for more prolongs it')
  advance(900)
  t.ok(breaker.enter())
  breaker.succeeded()
  t.strictSame([breaker.isOpen, reports], [false, []])
})

t.test('a failed probe after a wait closes the breaker until there are enough failures', async t => {
  const { breaker, reports, advance } = createBreaker()
  breaker.failed(1_000)
  advance(1_000)
  t.ok(breaker.enter())
  breaker.failed()
  t.strictSame([breaker.isOpen, reports], [false, []], 'two failures of three')
  breaker.failed(50)
  t.strictSame([breaker.heldForMs, reports], [100, ['open']], 'the longer time counts')
})

t.test('an attempt that was cut off says nothing', async t => {
  const { breaker, advance } = createBreaker({ failures: 1 })
  breaker.failed()
  advance(100)
  t.ok(breaker.enter())
  breaker.cutOff()
  t.ok(breaker.enter(), 'the next attempt is a probe again')
})
