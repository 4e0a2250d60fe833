import { useSignal } from '@preact/signals'
import type { ShardView } from '../../snapshot.ts'
import { bytes, count, duration, hashFraction, hashShare, lagLevel, lagOf, loadOf, rate, shardName } from '../format.ts'
import { Ago, Badge, Empty, Table, type TableColumn, Worker } from '../parts.tsx'
import { about, openShards, shards, summary } from '../state.ts'
import { LineageGraph } from './lineage-graph.tsx'

const columns: ReadonlyArray<TableColumn<ShardView>> = [
  {
    title: 'Shard',
    width: 'minmax(7rem, 1fr)',
    cell: shard => (
      <a class="row-link" href={`#/stream/${shard.id}`} title={shard.id}>
        {shardName(shard.id)}
      </a>
    ),
    sortBy: ({ id }) => id,
  },
  { title: 'State', width: '7rem', cell: shard => <State shard={shard} />, sortBy: stateOf },
  {
    title: 'Hash keys',
    width: 'minmax(6rem, 1fr)',
    cell: shard => <HashRange shard={shard} />,
    sortBy: ({ firstHashKey }) => hashFraction(firstHashKey),
    isWide: true,
  },
  {
    title: 'Owner',
    width: 'minmax(6rem, 2fr)',
    cell: ({ lease }) => <Worker id={lease?.owner ?? null} />,
    sortBy: ({ lease }) => lease?.owner ?? undefined,
    isWide: true,
  },
  {
    title: 'Behind',
    width: '6rem',
    cell: shard => <Lag shard={shard} />,
    sortBy: lagOf,
    align: 'right',
  },
  {
    title: 'Records /s',
    width: '7rem',
    isWide: true,
    cell: ({ arrivals }) => (arrivals === null ? '–' : rate(arrivals.recordsPerSecond)),
    sortBy: ({ arrivals }) => arrivals?.recordsPerSecond,
    align: 'right',
  },
  {
    title: 'Bytes /s',
    width: '7rem',
    cell: ({ arrivals }) => (arrivals === null ? '–' : bytes(arrivals.bytesPerSecond)),
    sortBy: ({ arrivals }) => arrivals?.bytesPerSecond,
    align: 'right',
    isWide: true,
  },
  {
    title: 'Checkpoint',
    width: '7rem',
    cell: ({ lag }) => <Ago at={lag?.doneUpTo ?? null} />,
    sortBy: ({ lag }) => lag?.doneUpTo ?? undefined,
    align: 'right',
    isWide: true,
  },
]

export function Stream() {
  const filter = useSignal('')
  const isHidingFinished = useSignal(true)
  const all = [...shards.value.values()]
  const finished = all.filter(shard => shard.isClosed && shard.isFinished)
  const listed = all.filter(
    shard =>
      (!isHidingFinished.value || !finished.includes(shard)) &&
      (filter.value === '' || `${shard.id} ${shard.lease?.owner ?? ''}`.includes(filter.value)),
  )
  const isUnknown = summary.value?.isReady === true && !summary.value.hasShards
  if (all.length === 0 || isUnknown) {
    return (
      <>
        <h1>Stream</h1>
        {summary.value?.isReady ? (
          <Empty title="There are no shards to show.">See the overview for the reason.</Empty>
        ) : (
          <p class="muted">Reading the stream…</p>
        )}
      </>
    )
  }
  return (
    <>
      <h1>{about.value?.streamName}</h1>
      <p class="lead">
        {count(openShards.value.length, 'open shard')}, {all.length - openShards.value.length} closed. Splits and merges
        go from left to right.
      </p>
      <LineageGraph shards={all} />
      <section aria-labelledby="shards">
        <div class="spread wrap">
          <h2 id="shards">Shards</h2>
          <div class="tools">
            {finished.length > 0 && (
              <label class="checkbox">
                <input
                  type="checkbox"
                  checked={isHidingFinished.value}
                  onChange={event => {
                    isHidingFinished.value = event.currentTarget.checked
                  }}
                />
                Hide {finished.length} that were read to their end
              </label>
            )}
            <input
              type="search"
              aria-label="Filter by shard or owner"
              placeholder="Filter by shard or owner"
              value={filter.value}
              onInput={event => {
                filter.value = event.currentTarget.value
              }}
            />
          </div>
        </div>
        <Table label="Shards" rows={listed} keyOf={({ id }) => id} columns={columns} />
      </section>
    </>
  )
}

function stateOf(shard: ShardView): string {
  if (shard.isFinished) return 'read'
  return shard.isClosed ? 'closed' : 'open'
}

const STATE_TITLES: Readonly<Record<string, string>> = {
  open: 'The shard accepts records.',
  closed: 'The shard accepts no more records, and has not been read to its end.',
  read: 'The application has no more records to read from this shard.',
}

export function State({ shard }: { shard: ShardView }) {
  const state = stateOf(shard)
  return (
    <span title={STATE_TITLES[state]}>
      <Badge level={state === 'open' ? 'ok' : state === 'closed' ? 'warn' : 'idle'}>{state}</Badge>
    </span>
  )
}

export function Lag({ shard }: { shard: ShardView }) {
  const lag = lagOf(shard)
  if (shard.isFinished || lag === undefined) return <span class="muted">–</span>
  if (shard.lag?.isTrimmed) return <Badge level="bad">lost records</Badge>
  const level = lagLevel(lag)
  return level === 'ok' ? <span>{duration(lag)}</span> : <Badge level={level}>{duration(lag)}</Badge>
}

/** Where the hash keys of the shard lie among all keys. */
export function HashRange({ shard }: { shard: ShardView }) {
  const from = hashFraction(shard.firstHashKey) * 100
  const to = hashFraction(shard.lastHashKey) * 100
  const load = loadOf(shard) ?? 0
  return (
    <span class="hash-range" role="img" aria-label={hashShare(shard)} title={hashShare(shard)}>
      <span class={load > 0.8 ? 'hot' : ''} style={{ left: `${from}%`, width: `${Math.max(1, to - from)}%` }} />
    </span>
  )
}
