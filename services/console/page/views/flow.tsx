import type { ShardView } from '../../snapshot.ts'
import { colorOf, duration, lagLevel, lagOf, loadOf, rate, shardName } from '../format.ts'
import { openShards, ownerless, shards, summary } from '../state.ts'

const MAX_SHARDS = 40
const WIDTH = 940
const ROW = 30
const SHARD = { x: 290, width: 190 }
const WORKER = { x: 690, width: 246, height: 40 }
const SOURCE_WIDTH = 130

/** The way of the records: from the producers to the shards, and on to the workers that read them. Only for streams that fit. */
export function Flow() {
  const unfinished = [...shards.value.values()].filter(({ isFinished }) => !isFinished)
  const workers = summary.value?.workers ?? []
  if (unfinished.length === 0 || unfinished.length > MAX_SHARDS) return null
  const height = Math.max(unfinished.length * ROW, workers.length * (WORKER.height + 12), 60)
  const shardY = new Map(unfinished.map(({ id }, index) => [id, (height / unfinished.length) * (index + 0.5)]))
  const workerY = new Map(workers.map(({ id }, index) => [id, (height / workers.length) * (index + 0.5)]))
  const arrivals = openShards.value.flatMap(shard => shard.arrivals ?? [])
  const perSecond = arrivals.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0)
  const middle = height / 2
  return (
    <figure class="flow" aria-label="From the producers through the shards to the workers">
      <svg viewBox={`0 0 ${WIDTH} ${height}`}>
        <title>From the producers through the shards to the workers</title>
        {unfinished.map(shard => {
          const y = shardY.get(shard.id) ?? 0
          const owner = shard.lease?.owner ?? undefined
          const to = owner === undefined ? undefined : workerY.get(owner)
          const isMoving = (shard.arrivals?.recordsPerSecond ?? 0) > 0
          const width = 1.5 + 5 * Math.min(1, loadOf(shard) ?? 0)
          const moving = isMoving ? ' moving' : ''
          return (
            <g key={shard.id}>
              {!shard.isClosed && (
                <path class={`stream${moving}`} d={curve(SOURCE_WIDTH, middle, SHARD.x, y)} stroke-width={width} />
              )}
              {owner !== undefined && to !== undefined && (
                <path
                  class={`stream line-${colorOf(owner)}${moving}`}
                  d={curve(SHARD.x + SHARD.width, y, WORKER.x, to)}
                  stroke-width={width}
                />
              )}
            </g>
          )
        })}
        <rect class="box" x={1} y={middle - 24} width={SOURCE_WIDTH} height={48} rx={8} />
        <text class="name" x={14} y={middle - 3}>
          Producers
        </text>
        <text class="note" x={14} y={middle + 14}>
          {arrivals.length === 0 ? 'not measured yet' : `${rate(perSecond)} records /s`}
        </text>
        {unfinished.map(shard => (
          <ShardBox key={shard.id} shard={shard} y={shardY.get(shard.id) ?? 0} />
        ))}
        {workers.map(({ id, state, shards: held }) => {
          const y = workerY.get(id) ?? 0
          return (
            <a key={id} href="#/workers" class={`box-link ${state}`}>
              <title>{id}</title>
              <rect class="box" x={WORKER.x} y={y - 20} width={WORKER.width} height={WORKER.height} rx={8} />
              <circle class={`color-${colorOf(id)}`} cx={WORKER.x + 16} cy={y} r={5} />
              <text class="name" x={WORKER.x + 30} y={y - 2}>
                {id.length > 24 ? `${id.slice(0, 22)}…` : id}
              </text>
              <text class="note" x={WORKER.x + 30} y={y + 13}>
                {state === 'unknown' ? '' : `${state}, `}
                {held.length} {held.length === 1 ? 'lease' : 'leases'}
              </text>
            </a>
          )
        })}
      </svg>
    </figure>
  )
}

function ShardBox({ shard, y }: { shard: ShardView; y: number }) {
  const lag = lagOf(shard)
  const hasOwner = shard.lease?.owner != null
  const text = !hasOwner ? ownerless() : lag === undefined ? '' : lag === 0 ? 'up to date' : `${duration(lag)} behind`
  return (
    <a href={`#/stream/${shard.id}`} class={`box-link ${hasOwner ? lagLevel(lag) : 'warn'}`}>
      <title>{shard.id}</title>
      <rect class="box" x={SHARD.x} y={y - 12} width={SHARD.width} height={24} rx={6} />
      <text class="name" x={SHARD.x + 12} y={y + 4.5}>
        {shardName(shard.id)}
      </text>
      <text class="note" x={SHARD.x + SHARD.width - 12} y={y + 4.5} text-anchor="end">
        {text}
      </text>
    </a>
  )
}

function curve(fromX: number, fromY: number, toX: number, toY: number): string {
  const middle = (fromX + toX) / 2
  return `M${fromX},${fromY} C${middle},${fromY} ${middle},${toY} ${toX},${toY}`
}
