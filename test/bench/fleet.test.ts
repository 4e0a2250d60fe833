import t from 'tap'
import { kcl2, kclFigures } from '../../bench/fleet/kcl.ts'
import { type FleetChange, measureFleet } from '../../bench/fleet/measure.ts'

const SHAPE = { shards: 100, workers: 10 }
const FAILOVER_MS = 10_000

t.setTimeout(120_000)

const figures = await measureFleet(SHAPE, 1)
const { start, join, kill, stop, steady, rowBytes } = figures
const ratio = ({ moves, needed }: FleetChange) => moves / needed

// Virtual time: a seed gives the same figures on every machine.
t.test('ten workers share a hundred leases within five seconds of their start', async t => {
  t.ok(start.balancedMs <= 5_000, `${start.balancedMs} ms`)
  t.ok(ratio(start) <= 1.1, `${start.moves} moves`)
  t.ok(start.refusedWrites <= 100, `${start.refusedWrites} refused writes`)
})

t.test('ten more workers get their leases within six seconds, and hardly any other lease moves', async t => {
  t.ok(join.balancedMs <= 6_000, `${join.balancedMs} ms`)
  t.ok(ratio(join) <= 1.1, `${join.moves} moves, ${join.needed} needed`)
})

t.test('the leases of a killed worker are taken within one and a half failover times', async t => {
  t.ok(kill.heldMs > FAILOVER_MS - FAILOVER_MS / 3, `${kill.heldMs} ms, not before they expire`)
  t.ok(kill.heldMs <= 1.5 * FAILOVER_MS, `${kill.heldMs} ms`)
})

t.test('the leases of nine workers that stop at once are taken within two seconds in most runs', async t => {
  const others = await Promise.all([2, 3].map(seed => measureFleet(SHAPE, seed)))
  const gaps = [stop, ...others.map(other => other.stop)].map(({ gapP99Ms }) => gapP99Ms).sort((a, b) => a - b)
  t.ok((gaps[1] ?? Number.NaN) <= 2_000, `${gaps.join(', ')} ms`)
})

t.test('while nothing changes, no lease moves, and the table is read no more than by KCL 2', async t => {
  t.equal(steady.moves, 0)
  const kcl = kclFigures(kcl2, SHAPE, rowBytes, 1).steady
  t.ok(steady.reads > 0)
  t.ok(steady.reads <= kcl.reads, `${steady.reads} of ${kcl.reads} units a second`)
  t.ok(steady.writes <= 1.01 * kcl.writes, `${steady.writes} of ${kcl.writes} units a second`)
})
