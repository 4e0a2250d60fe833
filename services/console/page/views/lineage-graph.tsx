import type { ShardView } from '../../snapshot.ts'
import { colorOf, duration, lagLevel, lagOf, loadOf, rate, shardName } from '../format.ts'
import { layOut, type PlacedShard } from '../lineage.ts'
import { ownerless } from '../state.ts'

const MAX_LABELLED = 60
const LARGE = { width: 168, height: 46, gapX: 56, gapY: 10 }
const SMALL = { width: 26, height: 10, gapX: 22, gapY: 3 }

/** The shards of a stream and how they descend from each other. With many shards, they are small and without text. */
export function LineageGraph({ shards }: { shards: readonly ShardView[] }) {
  const { placed, edges, columns, rows } = layOut(shards)
  const isLarge = placed.length <= MAX_LABELLED
  const size = isLarge ? LARGE : SMALL
  // A stream without a reshard has one column. Its shards then fill the width.
  const perColumn = columns === 1 && !isLarge ? 30 : columns === 1 ? 8 : Number.POSITIVE_INFINITY
  const x = ({ column, row }: PlacedShard) =>
    (column + Math.floor(row / perColumn)) * (size.width + (columns === 1 ? size.gapY : size.gapX))
  const y = ({ row }: PlacedShard) => (row % perColumn) * (size.height + size.gapY)
  const width = Math.max(...placed.map(x)) + size.width
  const height = (Math.min(rows, perColumn) || 1) * (size.height + size.gapY) - size.gapY
  // The table below has the same links. A thousand stops of the Tab key would help nobody.
  const smallNodes = (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group of SVG has no focus
    <g aria-hidden="true">
      {placed.map(place => (
        <SmallNode key={place.shard.id} shard={place.shard} x={x(place)} y={y(place)} />
      ))}
    </g>
  )
  return (
    <section
      class="lineage"
      aria-label="Lineage of the shards"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
      tabIndex={0}
    >
      <svg width={width + 4} height={height + 4} viewBox={`-2 -2 ${width + 4} ${height + 4}`}>
        <title>Lineage of the shards</title>
        {edges.map(({ from, to }) => {
          const [startX, startY] = [x(from) + size.width, y(from) + size.height / 2]
          const [endX, endY] = [x(to), y(to) + size.height / 2]
          const middle = (startX + endX) / 2
          return (
            <path
              key={`${from.shard.id} ${to.shard.id}`}
              class="edge"
              d={`M${startX},${startY} C${middle},${startY} ${middle},${endY} ${endX},${endY}`}
            />
          )
        })}
        {isLarge
          ? placed.map(place => <LargeNode key={place.shard.id} shard={place.shard} x={x(place)} y={y(place)} />)
          : smallNodes}
      </svg>
    </section>
  )
}

interface Node {
  shard: ShardView
  x: number
  y: number
}

function classOf(shard: ShardView): string {
  if (shard.isFinished) return 'node finished'
  const isHot = (loadOf(shard) ?? 0) > 0.8
  return `node ${shard.isClosed ? 'closed' : 'open'} ${lagLevel(lagOf(shard))}${isHot ? ' hot' : ''}`
}

function describe(shard: ShardView): string {
  const { arrivals, lease } = shard
  if (shard.isFinished) return 'read to its end'
  const lag = lagOf(shard)
  const parts = [
    lag === undefined ? undefined : lag === 0 ? 'up to date' : `${duration(lag)} behind`,
    arrivals && arrivals.recordsPerSecond > 0 ? `${rate(arrivals.recordsPerSecond)} /s` : undefined,
    lease?.owner == null ? ownerless() : undefined,
  ]
  return parts.filter(part => part !== undefined).join(', ') || 'not measured yet'
}

function LargeNode({ shard, x, y }: Node) {
  const { width, height } = LARGE
  const owner = shard.lease?.owner
  const load = Math.min(1, loadOf(shard) ?? 0)
  const text = describe(shard)
  return (
    <a href={`#/stream/${shard.id}`} class={classOf(shard)}>
      <title>{`${shard.id}\n${owner ? `Owner: ${owner}` : 'No owner'}`}</title>
      <rect x={x} y={y} width={width} height={height} rx={7} />
      {owner && !shard.isFinished && (
        <rect class={`owner color-${colorOf(owner)}`} x={x} y={y + 8} width={4} height={height - 16} rx={2} />
      )}
      <text class="name" x={x + 14} y={y + 19}>
        {shardName(shard.id)}
      </text>
      <text class="note" x={x + 14} y={y + 35}>
        {text}
      </text>
      {load > 0 && <rect class="load" x={x + 7} y={y + height - 4} width={(width - 14) * load} height={2} rx={1} />}
    </a>
  )
}

function SmallNode({ shard, x, y }: Node) {
  return (
    <a href={`#/stream/${shard.id}`} class={classOf(shard)} tabIndex={-1}>
      <title>{`${shard.id}: ${describe(shard)}`}</title>
      <rect x={x} y={y} width={SMALL.width} height={SMALL.height} rx={2} />
    </a>
  )
}
