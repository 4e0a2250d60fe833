import { useSignal } from '@preact/signals'
import type { Failure, ReplayView } from '../../snapshot.ts'
import { RequestError, sendJson } from '../api.ts'
import { count, duration, epochOf, localTime, shardName } from '../format.ts'
import { Ago, Badge, Empty, FailureBox, Table, type TableColumn, Time, Worker } from '../parts.tsx'
import { about, shards } from '../state.ts'

const columns: ReadonlyArray<TableColumn<ReplayView>> = [
  {
    title: 'Shard',
    width: 'minmax(6rem, 1fr)',
    cell: ({ shardId }) => <a href={`#/stream/${shardId}`}>{shardName(shardId)}</a>,
    sortBy: ({ shardId }) => shardId,
  },
  {
    title: 'Change',
    width: 'minmax(6rem, 2fr)',
    cell: ({ change, why }) =>
      change === 'none' ? <span class="muted">none: {why}</span> : <Badge level="warn">moves back</Badge>,
  },
  {
    title: 'First record arrived',
    width: '9rem',
    cell: ({ firstArrivedAt }) => <Ago at={firstArrivedAt} />,
    align: 'right',
    isWide: true,
  },
  {
    title: 'Records',
    width: 'minmax(8rem, 2fr)',
    cell: ({ change, estimate }) => {
      if (change === 'none') return null
      if (!estimate) return <span class="muted">unknown</span>
      const { records, minRecords, maxRecords } = estimate
      const range = minRecords === maxRecords ? '' : ` (${number(minRecords)} to ${number(maxRecords)})`
      return `about ${number(records)}${range}`
    },
    align: 'right',
  },
  {
    title: 'Takes at least',
    width: '8rem',
    cell: ({ change, estimate }) => {
      if (change === 'none') return null
      return estimate ? duration(estimate.minDurationMs) : <span class="muted">unknown</span>
    },
    align: 'right',
    isWide: true,
  },
  {
    title: 'Held by',
    width: 'minmax(6rem, 2fr)',
    cell: ({ shardId, isHeld }) => <Worker id={isHeld ? (shards.value.get(shardId)?.lease?.owner ?? null) : null} />,
    isWide: true,
  },
]

const number = (value: number) => value.toLocaleString('en')

interface Plan {
  at: number
  shards: readonly ReplayView[]
}

/** Processes all records after a time again: first the plan, then the replay. */
export function Replay() {
  const start = useSignal(localTime(Date.now() - 3_600_000))
  const plan = useSignal<Plan | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const isBusy = useSignal(false)
  const takesLeases = useSignal(false)
  const moved = useSignal<readonly string[] | undefined>(undefined)

  async function attempt(run: () => Promise<void>): Promise<void> {
    isBusy.value = true
    failure.value = undefined
    try {
      await run()
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    } finally {
      isBusy.value = false
    }
  }

  const makePlan = () =>
    attempt(async () => {
      const at = epochOf(start.value)
      moved.value = undefined
      plan.value = undefined
      const found = await sendJson<{ shards: ReplayView[] }>('POST', '/api/replay/plan', { at })
      plan.value = { at, shards: found.shards }
    })

  const replay = ({ at, shards: planned }: Plan) =>
    attempt(async () => {
      const body = {
        at,
        shardIds: planned.filter(({ change }) => change !== 'none').map(({ shardId }) => shardId),
        takeFromWorkers: takesLeases.value,
      }
      moved.value = (await sendJson<{ moved: string[] }>('POST', '/api/replay', body)).moved
      plan.value = undefined
    })

  const found = plan.value
  const changes = found?.shards.filter(({ change }) => change !== 'none') ?? []
  const held = changes.filter(({ isHeld }) => isHeld)
  return (
    <>
      <h1>Replay</h1>
      <p class="lead">
        A replay moves the checkpoints of {about.value?.applicationName} back to a time, and its workers process all
        later records again. It never moves a checkpoint forward.
      </p>
      <form
        class="toolbar"
        onSubmit={event => {
          event.preventDefault()
          void makePlan()
        }}
      >
        <label>
          All records since
          <input
            type="datetime-local"
            step="1"
            required
            value={start.value}
            onInput={event => {
              start.value = event.currentTarget.value
            }}
          />
        </label>
        <button type="submit" class="primary" disabled={isBusy.value}>
          Show what would happen
        </button>
        {isBusy.value && (
          <span class="muted" role="status">
            This takes up to {duration((about.value?.failoverMs ?? 0) + 15_000)}, to see which workers are alive and to
            sample the shards…
          </span>
        )}
      </form>
      {failure.value && <FailureBox failure={failure.value} />}
      {moved.value && (
        <p class="fine" role="status">
          <span class="check" aria-hidden="true">
            ✓
          </span>
          {count(moved.value.length, 'shard')} moved back. <a href="#/stream">Watch the stream</a> until nothing is
          behind.
        </p>
      )}
      {found && (
        <section aria-labelledby="plan">
          <h2 id="plan">
            Since <Time at={found.at} />: {count(changes.length, 'shard')} would move back
          </h2>
          <Table label="Plan of the replay" rows={found.shards} keyOf={({ shardId }) => shardId} columns={columns} />
          {changes.length === 0 ? (
            <Empty title="There is nothing to replay.">No record that was processed has arrived since then.</Empty>
          ) : about.value?.allowChanges ? (
            <div class="confirm">
              {held.length > 0 && (
                <label class="checkbox">
                  <input
                    type="checkbox"
                    checked={takesLeases.value}
                    onChange={event => {
                      takesLeases.value = event.currentTarget.checked
                    }}
                  />
                  Take {count(held.length, 'lease')} from running workers. Records in flight are processed again.
                </label>
              )}
              <button
                type="button"
                class="danger"
                disabled={isBusy.value || (held.length > 0 && !takesLeases.value)}
                onClick={() => void replay(found)}
              >
                Move {count(changes.length, 'shard')} back
              </button>
            </div>
          ) : (
            <p class="muted">Start the console with --allow-changes to run this replay.</p>
          )}
        </section>
      )}
    </>
  )
}
