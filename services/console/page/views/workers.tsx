import type { LeaseMove, WorkerView } from '../../snapshot.ts'
import { age, bytes, count, duration, type Level, shardName } from '../format.ts'
import { Ago, Badge, Empty, FindingItem, Time, Worker } from '../parts.tsx'
import { about, moves, now, summary } from '../state.ts'
import { PauseButton } from './pause.tsx'

const STATES: Readonly<Record<WorkerView['state'], { level: Level; text: string }>> = {
  alive: { level: 'ok', text: 'alive' },
  silent: { level: 'bad', text: 'silent' },
  unknown: { level: 'idle', text: 'looking…' },
}

export function Workers() {
  const workers = summary.value?.workers ?? []
  const failoverMs = about.value?.failoverMs ?? 0
  const pauses = (summary.value?.findings ?? []).filter(({ id }) => id.startsWith('paused '))
  return (
    <>
      <div class="spread wrap">
        <h1>Workers</h1>
        <PauseButton />
      </div>
      <p class="lead">
        A worker is alive while the counters of its leases grow. After {duration(failoverMs)} without a renewal, another
        worker takes its leases over.
      </p>
      {pauses.length > 0 && (
        <ul class="findings">
          {pauses.map(finding => (
            <FindingItem key={finding.id} finding={finding} />
          ))}
        </ul>
      )}
      {!summary.value?.isReady ? (
        <p class="muted">Looking for workers in the lease table…</p>
      ) : !summary.value.hasLeases ? (
        <Empty title="The lease table cannot be read.">
          So it is unknown which workers are alive. <a href="#/overview">The overview</a> has the reason.
        </Empty>
      ) : workers.length === 0 ? (
        <Empty title="No worker holds a lease.">
          Start a worker of the application {about.value?.applicationName}. It takes the leases within seconds, and
          appears here.
        </Empty>
      ) : (
        <ul class="cards">
          {workers.map(worker => (
            <WorkerCard key={worker.id} worker={worker} failoverMs={failoverMs} />
          ))}
        </ul>
      )}
      {workers.some(({ memory }) => memory === null) && <MemoryAdvice />}
      <section aria-labelledby="moves">
        <h2 id="moves">Lease moves</h2>
        <MoveList moves={moves.value.slice(0, 200)} />
      </section>
    </>
  )
}

/** Says what to do about workers whose memory is unknown. */
function MemoryAdvice() {
  const silent = summary.value?.throughput?.silentPages ?? []
  return (
    <p class="muted">
      Only a worker knows how much of its records is in memory.{' '}
      {summary.value?.throughput === null
        ? 'Give the console the pages of metrics of the workers, by --metrics or METRICS_URLS.'
        : silent.length > 0
          ? `${count(silent.length, 'page')} of metrics did not respond: ${silent.join(', ')}.`
          : 'No page of metrics names the other workers. Add their pages to --metrics or METRICS_URLS. A worker of an older version, or of KCL, does not say it.'}
    </p>
  )
}

const SHARDS_SHOWN = 24

function WorkerCard({ worker, failoverMs }: { worker: WorkerView; failoverMs: number }) {
  const { id, state, shards, renewedAt, writesPerMinute, memory } = worker
  const { level, text } = STATES[state]
  const silence = renewedAt === null ? undefined : now.value - renewedAt
  const isCounted = now.value - (summary.value?.watchingSince ?? now.value) >= 60_000
  const isPaused = summary.value?.pauses.some(({ workerId }) => workerId === null || workerId === id) ?? false
  return (
    <li class={`card ${state}`}>
      <div class="spread">
        <h2>
          <Worker id={id} />
        </h2>
        <span class="tools">
          {isPaused && <Badge level="warn">paused</Badge>}
          <Badge level={level}>{text}</Badge>
        </span>
      </div>
      <dl class="facts">
        <div>
          <dt>Leases</dt>
          <dd>{shards.length}</dd>
        </div>
        <div>
          <dt>Renewed</dt>
          <dd>
            <Ago at={renewedAt} />
          </dd>
        </div>
        <div>
          <dt title="Renewals and checkpoints in the lease table">Lease writes a minute</dt>
          <dd>{isCounted ? writesPerMinute : '–'}</dd>
        </div>
        <div>
          <dt title="Records that the worker has fetched and not done. At the maximum, it fetches no more.">
            Records in memory
          </dt>
          <dd>
            <Memory memory={memory} />
          </dd>
        </div>
      </dl>
      <p class="chips">
        {shards.slice(0, SHARDS_SHOWN).map(shardId => (
          <a key={shardId} href={`#/stream/${shardId}`}>
            {shardName(shardId)}
          </a>
        ))}
        {shards.length > SHARDS_SHOWN && <span class="muted">and {shards.length - SHARDS_SHOWN} more</span>}
      </p>
      {state === 'silent' && silence !== undefined && (
        <p class="muted">
          {silence < failoverMs
            ? `Another worker may take over in ${age(failoverMs - silence)}.`
            : `${count(shards.length, 'lease')} can be taken over by any free worker.`}
        </p>
      )}
    </li>
  )
}

function Memory({ memory }: Pick<WorkerView, 'memory'>) {
  if (!memory) return <span class="muted">unknown</span>
  const { usedBytes, maxBytes } = memory
  const share = Math.min(100, (usedBytes / maxBytes) * 100)
  return (
    <>
      {bytes(usedBytes)} of {bytes(maxBytes)}
      <meter class="memory" min={0} max={100} value={share} aria-label={`${Math.round(share)}% of the maximum`} />
    </>
  )
}

const HOW: Readonly<Record<LeaseMove['how'], string>> = {
  created: 'was created',
  taken: 'was taken',
  'taken over': 'was taken from a silent worker',
  released: 'was released',
  ended: 'was read to its end',
  rewound: 'was moved back',
  deleted: 'left the lease table',
}

/** The changes of owners that the console has seen, the newest first. */
export function MoveList({ moves: list }: { moves: readonly LeaseMove[] }) {
  if (list.length === 0) return <p class="muted">None since the console began to watch.</p>
  return (
    <ol class="moves" reversed>
      {list.map(move => (
        <li key={`${move.at} ${move.shardId} ${move.how}`} class={move.how === 'taken over' ? 'warn' : ''}>
          <Time at={move.at} />
          <span>
            <a href={`#/stream/${move.shardId}`}>{shardName(move.shardId)}</a> {HOW[move.how]}
          </span>
          <span class="move">
            {move.from !== null && <Worker id={move.from} />}
            {move.to !== null && move.to !== move.from && (
              <>
                <span aria-hidden="true">→</span>
                <span class="sr-only">to</span>
                <Worker id={move.to} />
              </>
            )}
          </span>
        </li>
      ))}
    </ol>
  )
}
