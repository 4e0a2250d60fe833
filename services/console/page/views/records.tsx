import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Failure, RecordsLine, RecordView, ShardView } from '../../snapshot.ts'
import { lines, RequestError } from '../api.ts'
import type { Format } from '../data-text.ts'
import { count, duration, epochOf, localTime } from '../format.ts'
import { Empty, FailureBox } from '../parts.tsx'
import { about } from '../state.ts'
import { PutRecord } from './put-record.tsx'
import { RecordItem } from './record-item.tsx'

const PAGE = 100
/** More would slow the page down. The oldest are dropped while new ones arrive. */
const MAX_KEPT = 1_000

const STARTS = {
  latest: 'new records, as they arrive',
  oldest: 'the oldest record',
  checkpoint: 'the checkpoint',
  time: 'a time',
  sequence: 'a sequence number',
} as const

type From = keyof typeof STARTS

interface Reading {
  from: From
  at: string
  sequence: string
  filter: string
  follow: boolean
}

interface Progress {
  behindMs: number
  scanned: number
  isEnd: boolean
  isMore: boolean
  isRunning: boolean
}

const IDLE: Progress = { behindMs: 0, scanned: 0, isEnd: false, isMore: false, isRunning: false }

/** The records of a shard: from a position, filtered, and live. */
export function Records({ shard }: { shard: ShardView }) {
  const isLive = !shard.isClosed
  const choice = useSignal<Reading>({
    from: isLive ? 'latest' : 'oldest',
    at: localTime(Date.now() - 15 * 60_000),
    sequence: '',
    filter: '',
    follow: isLive,
  })
  /** What the records below were read with. The form may have changed since. */
  const applied = useSignal<Reading>(choice.value)
  const format = useSignal<Format>('auto')
  const records = useSignal<readonly RecordView[]>([])
  const progress = useSignal<Progress>(IDLE)
  const failure = useSignal<Failure | undefined>(undefined)
  const reading = useRef<AbortController | undefined>(undefined)
  const set = (part: Partial<Reading>) => {
    choice.value = { ...choice.value, ...part }
  }

  /** @param after the record after which the reading continues, or the time if no record was read yet */
  async function read(after?: RecordView | number): Promise<void> {
    stop()
    const mine = new AbortController()
    reading.current = mine
    failure.value = undefined
    if (after === undefined) {
      records.value = []
      applied.value = choice.value
    }
    const { from } = applied.value
    progress.value = { ...IDLE, isRunning: true }
    let pending: RecordView[] = []
    const flush = () => {
      if (pending.length === 0) return
      records.value = merge(records.value, pending, from === 'latest')
      pending = []
    }
    const { signal } = mine
    try {
      for await (const line of lines<RecordsLine>(pathOf(shard.id, applied.value, after), signal)) {
        if (signal.aborted) return
        if (line.type === 'record') pending.push(line.record)
        else flush()
        if (line.type === 'failure') failure.value = line.failure
        if (line.type === 'more') progress.value = { ...progress.value, isMore: true }
        if (line.type === 'position') progress.value = { ...progress.value, ...line }
      }
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
      failure.value = error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' }
    }
    flush()
    if (reading.current === mine) progress.value = { ...progress.value, isRunning: false }
  }

  function stop(): void {
    reading.current?.abort()
    reading.current = undefined
    progress.value = { ...progress.value, isRunning: false }
  }

  useEffect(() => {
    void read()
    // A browser opens six connections to a server, for all tabs together. A tab that nobody sees needs none.
    let hiddenAt: number | undefined
    const onVisibility = () => {
      if (document.hidden && applied.value.follow && progress.value.isRunning) {
        hiddenAt = Date.now()
        stop()
      } else if (!document.hidden && hiddenAt !== undefined) {
        void read(newest(records.value, applied.value) ?? hiddenAt)
        hiddenAt = undefined
      }
    }
    document.addEventListener('visibilitychange', onVisibility)
    return () => {
      document.removeEventListener('visibilitychange', onVisibility)
      reading.current?.abort()
    }
  }, [])

  const { from, at, sequence, filter, follow } = choice.value
  const canFollow = !shard.isClosed
  const last = newest(records.value, applied.value)
  return (
    <section aria-labelledby="records" class="records">
      <div class="spread wrap">
        <h2 id="records">Records</h2>
        {about.value?.allowChanges && !shard.isClosed && <PutRecord shard={shard} />}
      </div>
      <form
        class="toolbar"
        onSubmit={event => {
          event.preventDefault()
          void read()
        }}
      >
        <label>
          From
          <select
            value={from}
            onChange={event => {
              const chosen = event.currentTarget.value as From
              set(startOf(chosen, canFollow))
              // Only a time and a sequence number have to be entered first.
              if (chosen !== 'time' && chosen !== 'sequence') void read()
            }}
          >
            {Object.entries(STARTS).map(([value, text]) => (
              <option key={value} value={value} disabled={value === 'latest' && shard.isClosed}>
                {text}
              </option>
            ))}
          </select>
        </label>
        {from === 'time' && (
          <label>
            Time
            <input
              type="datetime-local"
              step="1"
              value={at}
              onInput={event => set({ at: event.currentTarget.value })}
            />
          </label>
        )}
        {from === 'sequence' && (
          <label class="grow">
            Sequence number
            <input
              class="mono"
              inputMode="numeric"
              pattern="\d+"
              required
              value={sequence}
              onInput={event => set({ sequence: event.currentTarget.value.trim() })}
            />
          </label>
        )}
        <label class="grow">
          Text in the key or the data
          <input type="search" value={filter} onInput={event => set({ filter: event.currentTarget.value })} />
        </label>
        <label>
          Show as
          <select
            value={format.value}
            onChange={event => {
              format.value = event.currentTarget.value as Format
            }}
          >
            <option value="auto">JSON or text</option>
            <option value="text">text</option>
            <option value="hex">hex</option>
          </select>
        </label>
        {canFollow && from !== 'latest' && (
          <label class="checkbox">
            <input type="checkbox" checked={follow} onChange={event => set({ follow: event.currentTarget.checked })} />
            Follow
          </label>
        )}
        <button type="submit" class="primary">
          Read
        </button>
        {progress.value.isRunning && (
          <button type="button" onClick={stop}>
            Stop
          </button>
        )}
      </form>
      <Status progress={progress.value} shown={records.value.length} filter={applied.value.filter} />
      {failure.value && <FailureBox failure={failure.value} />}
      {records.value.length > 0 ? (
        <ol class="record-list">
          {records.value.map(record => (
            <RecordItem
              key={`${record.sequenceNumber}:${record.subSequenceNumber}`}
              record={record}
              shardId={shard.id}
              format={format.value}
            />
          ))}
        </ol>
      ) : (
        !failure.value && <Nothing isRunning={progress.value.isRunning} reading={applied.value} />
      )}
      {progress.value.isMore && last && (
        <button type="button" class="more" onClick={() => void read(last)}>
          Show the next {PAGE}
        </button>
      )}
    </section>
  )
}

function startOf(from: From, canFollow: boolean): Partial<Reading> {
  return { from, follow: from === 'latest' && canFollow }
}

function newest(shown: readonly RecordView[], { from }: Reading): RecordView | undefined {
  return from === 'latest' ? shown[0] : shown.at(-1)
}

function merge(shown: readonly RecordView[], added: readonly RecordView[], isNewestFirst: boolean): RecordView[] {
  return isNewestFirst ? [...added.toReversed(), ...shown].slice(0, MAX_KEPT) : [...shown, ...added].slice(-MAX_KEPT)
}

function pathOf(shardId: string, reading: Reading, after?: RecordView | number): string {
  const { sequence, filter, follow } = reading
  const [from, at] = typeof after === 'number' ? ['time', after] : [reading.from, epochOf(reading.at)]
  const query = new URLSearchParams({ from, follow: String(follow), filter, limit: String(follow ? 1_000 : PAGE) })
  if (from === 'time') query.set('at', String(at))
  if (from === 'sequence') query.set('sequence', sequence)
  if (typeof after === 'object') query.set('after', `${after.sequenceNumber}:${after.subSequenceNumber}`)
  return `/api/shards/${encodeURIComponent(shardId)}/records?${query}`
}

function Status({ progress, shown, filter }: { progress: Progress; shown: number; filter: string }) {
  const { isRunning, isEnd, isMore, behindMs, scanned } = progress
  const what = isEnd
    ? 'This is the end of the closed shard.'
    : isMore
      ? `The first ${count(shown, 'record')}.`
      : !isRunning
        ? 'Read up to now.'
        : behindMs > 0
          ? `Reading, ${duration(behindMs)} behind the newest record.`
          : 'Waiting for new records.'
  return (
    <p class="muted status" role="status">
      {isRunning && <span class="pulse" aria-hidden="true" />}
      {what} {filter !== '' && `${count(shown, 'match', 'matches')} in ${count(scanned, 'record')}.`}
    </p>
  )
}

function Nothing({ isRunning, reading: { from, filter } }: { isRunning: boolean; reading: Reading }) {
  if (isRunning && from === 'latest') {
    return (
      <Empty title="No new records yet.">
        They appear here within a second or two. Choose “the oldest record” to see earlier ones.
      </Empty>
    )
  }
  if (isRunning) return <p class="muted">Reading…</p>
  if (filter !== '') return <Empty title="No record has this text.">Upper and lower case matter.</Empty>
  return (
    <Empty title="There are no records here.">
      The stream keeps records for a day unless its retention was raised.
    </Empty>
  )
}
