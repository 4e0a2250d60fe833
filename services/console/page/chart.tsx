import { points } from './state.ts'

const WIDTH = 300
const HEIGHT = 64

/** A line of the last hour, without axes: the number beside it says what it is now. */
export function Chart({ label, of }: { label: string; of(point: (typeof points.value)[number]): number | null }) {
  const all = points.value.flatMap(point => {
    const value = of(point)
    return value === null ? [] : [{ at: point.at, value }]
  })
  const [first] = all
  const last = all.at(-1)
  if (!first || !last || first === last)
    return <div class="chart empty-chart">A line appears while this page is open.</div>
  const max = Math.max(...all.map(({ value }) => value), 1e-9)
  const x = (at: number) => ((at - first.at) / (last.at - first.at)) * WIDTH
  const y = (value: number) => HEIGHT - 2 - (value / max) * (HEIGHT - 6)
  const line = all.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
  return (
    <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
      <polyline points={line} vector-effect="non-scaling-stroke" />
    </svg>
  )
}
