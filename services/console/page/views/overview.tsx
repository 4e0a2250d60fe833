import type { ComponentChildren } from 'preact'
import type { DrainView } from '../../snapshot.ts'
import {
  age,
  bytes,
  count,
  duration,
  type Level,
  lagLevel,
  lagOf,
  latency,
  loadOf,
  rate,
  shardName,
} from '../format.ts'
import { FindingItem, Worker } from '../parts.tsx'
import { findings, moves, now, openShards, points, shards, summary } from '../state.ts'
import { Charts } from './charts.tsx'
import { Doctor } from './doctor.tsx'
import { Flow } from './flow.tsx'
import { MoveList } from './workers.tsx'

export function Overview() {
  return (
    <>
      <h1>Overview</h1>
      <div class="tiles">
        <UploadTiles />
        <BehindTile />
        <DeadLettersTile />
        <OutboxTile />
        <WorkersTile />
        <ShardsTile />
      </div>
      <Unknown />

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

      <Flow />
      <Charts />
      <Doctor />

      <section aria-labelledby="changes">
        <h2 id="changes">Latest lease moves</h2>
        <MoveList moves={moves.value.slice(0, 6)} />
      </section>
    </>
  )
}

const perSecond = (value: number | null | undefined) => (value == null ? '–' : `${rate(value)} /s`)

/** What is accepted and processed, as the api and the workers say. Without their metrics, what arrives on the stream. */
function UploadTiles() {
  const throughput = summary.value?.throughput
  if (!throughput) return <ArrivingTile />
  const { acceptedPerSecond, processedPerSecond, failedPerSecond, latencyP50Ms, latencyP99Ms } = throughput
  return (
    <>
      <Tile title="Accepted" level="idle" value={perSecond(acceptedPerSecond)} note="uploads" />
      <Tile
        title="Processed"
        level={(failedPerSecond ?? 0) > 0 ? 'warn' : 'idle'}
        value={perSecond(processedPerSecond)}
        note={`failed ${perSecond(failedPerSecond)}`}
      />
      <Tile
        title="Latency"
        level="idle"
        value={latencyP50Ms === null ? '–' : latency(latencyP50Ms)}
        note={latencyP99Ms === null ? 'no upload has ended in the last minute' : `p50. p99 ${latency(latencyP99Ms)}`}
      />
    </>
  )
}

function ArrivingTile() {
  const arrivals = openShards.value.flatMap(shard => shard.arrivals ?? [])
  const records = arrivals.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0)
  const bytesPerSecond = arrivals.reduce((sum, arrival) => sum + arrival.bytesPerSecond, 0)
  return (
    <Tile
      title="Arriving"
      level="idle"
      value={arrivals.length === 0 ? '–' : perSecond(records)}
      note={`${bytes(bytesPerSecond)} a second, measured by samples`}
    />
  )
}

function BehindTile() {
  const lags = [...shards.value.values()].flatMap(shard => lagOf(shard) ?? [])
  const maxLag = lags.length === 0 ? undefined : Math.max(...lags)
  const value = maxLag === undefined ? '–' : duration(maxLag)
  return <Tile title="Behind" level={lagLevel(maxLag)} value={value} note={drainText(summary.value?.drain)} />
}

function drainText(drain: DrainView | undefined): string {
  if (!drain) return ''
  const { ms, isFallingBehind, isEstimated } = drain
  if (isFallingBehind) return 'the lag does not shrink'
  if (ms === null) return 'age of the oldest record that waits'
  if (ms < 1_000) return 'nothing to drain'
  return `${isEstimated ? 'about ' : ''}${duration(ms)} to drain`
}

function DeadLettersTile() {
  const waiting = summary.value?.deadLetters
  if (!waiting) return null
  if (waiting.count === null) {
    return <Tile title="Dead letters" href="#/dead-letters" level="idle" value="–" note="not counted yet" />
  }
  return (
    <Tile
      title="Dead letters"
      href="#/dead-letters"
      level={waiting.count > 0 ? 'warn' : 'ok'}
      value={waiting.isMore ? `${waiting.count}+` : `${waiting.count}`}
      note={waiting.count > 0 ? 'wait to be redriven or discarded' : 'none waits'}
    />
  )
}

function OutboxTile() {
  const throughput = summary.value?.throughput
  if (!throughput) return null
  const { outboxAgeMs, openBreakers, isEventOutage } = throughput
  const isBroken = isEventOutage === true || (openBreakers ?? 0) > 0
  return (
    <Tile
      title="Outbox"
      level={isBroken ? 'bad' : (outboxAgeMs ?? 0) > 0 ? 'warn' : 'ok'}
      value={outboxAgeMs === null ? '–' : outboxAgeMs === 0 ? 'empty' : age(outboxAgeMs)}
      note={breakersText(openBreakers, isEventOutage)}
    />
  )
}

function breakersText(openBreakers: number | null, isEventOutage: boolean | null): string {
  if (isEventOutage) return 'Kinesis takes no events'
  if (openBreakers === null) return 'breakers unknown'
  return openBreakers === 0 ? 'all breakers closed' : `${count(openBreakers, 'breaker')} open`
}

function WorkersTile() {
  const workers = summary.value?.workers ?? []
  const alive = workers.filter(({ state }) => state === 'alive')
  if (summary.value?.isReady && !summary.value.hasLeases) {
    return <Tile title="Workers" href="#/workers" level="bad" value="–" note="the lease table cannot be read" />
  }
  const isLooking = !summary.value?.isReady || (alive.length === 0 && workers.some(({ state }) => state === 'unknown'))
  return (
    <Tile
      title="Workers"
      href="#/workers"
      level={isLooking ? 'idle' : workers.length === 0 ? 'bad' : alive.length === workers.length ? 'ok' : 'warn'}
      value={isLooking ? 'looking…' : `${alive.length}`}
      note={isLooking ? 'A worker is alive once it renews a lease.' : `alive, of ${workers.length} in the lease table`}
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
  )
}

function ShardsTile() {
  if (summary.value?.isReady && !summary.value.hasShards) {
    return <Tile title="Shards" href="#/stream" level="bad" value="–" note="the stream cannot be listed" />
  }
  const all = [...shards.value.values()]
  const unfinished = all.filter(shard => !shard.isFinished)
  const owned = unfinished.filter(({ lease }) => lease?.owner != null)
  return (
    <Tile
      title="Shards"
      href="#/stream"
      level={owned.length === unfinished.length ? 'ok' : 'warn'}
      value={`${openShards.value.length}`}
      note={`open, ${all.length - openShards.value.length} closed. ${count(owned.length, 'shard')} being read`}
    >
      <Strip />
    </Tile>
  )
}

/** Names what is not shown because the console was not told where to find it. */
function Unknown() {
  if (!summary.value) return null
  const { throughput, deadLetters } = summary.value
  if (throughput && deadLetters) return null
  return (
    <p class="muted unknown">
      {!throughput && (
        <>
          Not known here: what is processed and failed, the latency, the outbox and the breakers. To show them, give the
          console the pages /metrics of the api and of the workers with <code>--metrics</code>.{' '}
        </>
      )}
      {!deadLetters && (
        <>
          Not known here: the dead letters. To show them, set <code>PROCESSED_BUCKET</code>.
        </>
      )}
    </p>
  )
}

interface TileSettings {
  title: string
  /** The view with more about it. */
  href?: string
  level: Level
  value: string
  note: string
  children?: ComponentChildren
}

function Tile({ title, href, level, value, note, children }: TileSettings) {
  return (
    <section class={`tile ${level}`} aria-label={title}>
      <h2>{href === undefined ? title : <a href={href}>{title}</a>}</h2>
      <div class="value">{value}</div>
      <div class="note">{note}</div>
      {children && <div class="tile-body">{children}</div>}
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
