import t from 'tap'
import { TRIM_HORIZON } from '../../../services/consumer/checkpoint.ts'
import { Watermark } from '../../../services/consumer/processing/watermark.ts'
import { at } from '../leases/support.ts'

const ticketAt = (number: number) => ({ record: at(String(number)), settled: false })

t.test('the watermark passes no unfinished record', async t => {
  const watermark = new Watermark(TRIM_HORIZON)
  const [first, second, third] = [ticketAt(1), ticketAt(2), ticketAt(3)]
  for (const ticket of [first, second, third]) watermark.open(ticket)
  watermark.settle(third)
  t.same(watermark.reached, TRIM_HORIZON)
  watermark.settle(first)
  t.same(watermark.reached, at('1'))
  watermark.settle(second)
  t.same(watermark.reached, at('3'), 'and then all that were done beyond it at once')
  t.equal(watermark.pending, 0)
})

t.test('the watermark is the last record of the longest finished prefix, in whatever order records end', async t => {
  const count = 5_000
  const watermark = new Watermark(at('0'))
  const tickets = Array.from({ length: count }, (_, i) => ticketAt(i + 1))
  for (const ticket of tickets) watermark.open(ticket)
  const done = new Array<boolean>(count).fill(false)
  const order = tickets.map((ticket, i) => ({ ticket, i, by: Math.sin(i * 7919) })).sort((a, b) => a.by - b.by)
  let run = 0
  for (const { ticket, i } of order) {
    watermark.settle(ticket)
    done[i] = true
    while (done[run]) run++
    if (watermark.reached.sequenceNumber !== String(run))
      return t.fail(`at ${watermark.reached.sequenceNumber}, not ${run}`)
  }
  t.same(watermark.reached, at(String(count)))
})
