import type { ComponentChildren } from 'preact'
import { Chart } from '../chart.tsx'
import { age, bytes, count, duration, type Level, lagLevel, lagOf, loadOf, rate, shardName } from '../format.ts'
import { FindingItem, Worker } from '../parts.tsx'
import { findings, moves, now, openShards, points, shards, summary } from '../state.ts'
import { Flow } from './flow.tsx'
import { MoveList } from './workers.tsx'

export function Overview() {
  const all = [...shards.value.values()]
  const lags = all.flatMap(shard => lagOf(shard) ?? [])
  const maxLag = lags.length === 0 ? undefined : Math.max(...lags)
  const arrivals = openShards.value.flatMap(shard => shard.arrivals ?? [])
  const records = arrivals.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0)
  const perSecond = arrivals.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
  const workers = summary.value?.workers ?? []
  const alive = workers.filter(({ state }) => state === 'alive')
  const unfinished = all.filter(shard => !shard.isFinished)
  const owned = unfinished.filter(({ lease }) => lease?.owner != null)
  return (
    <>
      <h1>Overview</h1>
      <div class="tiles">
        <Tile
          title="Behind"
          level={lagLevel(maxLag)}
          value={maxLag === undefined ? '–' : duration(maxLag)}
          note="age of the oldest record that waits"
        >
          <Chart label="How far the shards were behind in the last hour" of={point => point.maxLagMs} />
        </Tile>
        <Tile
          title="Arriving"
          level="idle"
          value={arrivals.length === 0 ? '–' : `${rate(records)} /s`}
          note={`${bytes(perSecond)} a second, measured by samples`}
        >
          <Chart label="Records that arrived a second in the last hour" of={point => point.recordsPerSecond} />
        </Tile>
        <Tile
          title="Workers"
          level={workers.length > 0 && alive.length === workers.length ? 'ok' : workers.length === 0 ? 'bad' : 'warn'}
          value={`${alive.length}`}
          note={`alive, of ${workers.length} in the lease table`}
        >
          <ul class="plain">
            {workers.slice(0, 3).map(worker => (
              <li key={worker.id} class="spread">
                <Worker id={worker.id} />
                <span class="muted nowrap">{count(worker.shards.length, 'shard')}</span>
              </li>
            ))}
            {workers.length > 3 && <li class="muted">and {workers.length - 3} more</li>}
          </ul>
        </Tile>
        <Tile
          title="Shards"
          level={owned.length === unfinished.length ? 'ok' : 'warn'}
          value={`${openShards.value.length}`}
          note={`open, ${all.length - openShards.value.length} closed. ${count(owned.length, 'shard')} being read`}
        >
          <Strip />
        </Tile>
      </div>

      <Flow />

      <section aria-labelledby="wrong">
        <h2 id="wrong">What is wrong now</h2>
        {findings.value.length === 0 ? (
          <Fine />
        ) : (
          <ul class="findings">
            {findings.value.slice(0, 20).map(finding => (
              <FindingItem key={finding.id} finding={finding} />
            ))}
          </ul>
        )}
      </section>

      <section aria-labelledby="changes">
        <h2 id="changes">Latest lease moves</h2>
        <MoveList moves={moves.value.slice(0, 6)} />
      </section>
    </>
  )
}

interface TileSettings {
  title: string
  level: Level
  value: string
  note: string
  children: ComponentChildren
}

function Tile({ title, level, value, note, children }: TileSettings) {
  return (
    <section class={`tile ${level}`} aria-label={title}>
      <h2>{title}</h2>
      <div class="value">{value}</div>
      <div class="note">{note}</div>
      <div class="tile-body">{children}</div>
    </section>
  )
}

/** Says that all is well, and how long the console has looked. */
function Fine() {
  const since = summary.value?.watchingSince
  if (!summary.value?.isReady || since === undefined)
    return <p class="muted">Reading the stream and the lease table…</p>
  return (
    <p class="fine">
      <span class="check" aria-hidden="true">
        ✓
      </span>
      Nothing. The console has watched for {age(now.value - since)}
      {points.value.length === 0 ? ', so what develops slowly is not visible yet' : ''}.
    </p>
  )
}

/** Every open shard as a small bar, as high as its load. Shows at a glance whether one shard is hotter than the others. */
function Strip() {
  const open = openShards.value.slice(0, 120)
  return (
    <div class="strip" role="img" aria-label={`The load of ${count(open.length, 'open shard')}`}>
      {open.map(shard => {
        const load = Math.min(1, loadOf(shard) ?? 0)
        const level = lagLevel(lagOf(shard))
        const title = `${shardName(shard.id)}: ${Math.round(load * 100)} % of its capacity`
        return (
          <span
            key={shard.id}
            class={load > 0.8 ? 'hot' : level}
            title={title}
            style={{ '--load': `${Math.max(4, load * 100)}%` }}
          />
        )
      })}
    </div>
  )
}
