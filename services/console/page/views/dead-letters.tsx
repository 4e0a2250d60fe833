import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { LetterOutcome, LettersLine, LetterView } from '../../letter-views.ts'
import type { Failure } from '../../snapshot.ts'
import { lines, RequestError, sendJson } from '../api.ts'
import { bytes, count, shardName } from '../format.ts'
import { Ago, Badge, Empty, FailureBox, Table, type TableColumn } from '../parts.tsx'
import { about, summary } from '../state.ts'

export type ReadableLetter = Extract<LetterView, { isReadable: true }>

/** All dead letters with the same reason. */
interface Group {
  code: string
  letters: ReadableLetter[]
}

const columns: ReadonlyArray<TableColumn<ReadableLetter>> = [
  {
    title: 'Failed',
    width: '7rem',
    cell: ({ id, failedAt }) => (
      <a class="row-link" href={`#/dead-letters/${encodeURIComponent(id)}`}>
        <Ago at={failedAt} />
      </a>
    ),
    sortBy: ({ failedAt }) => failedAt,
  },
  { title: 'Reason', width: 'minmax(6rem, 3fr)', cell: ({ reason }) => <span title={reason}>{reason}</span> },
  {
    title: 'Shard',
    width: '7rem',
    cell: ({ shardId }) => shardName(shardId),
    sortBy: ({ shardId }) => shardId,
    isWide: true,
  },
  { title: 'Key', width: 'minmax(6rem, 1fr)', cell: ({ partitionKey }) => partitionKey ?? '–', isWide: true },
  { title: 'Size', width: '5rem', cell: letter => bytes(letter.bytes), align: 'right', isWide: true },
  {
    title: 'State',
    width: '6rem',
    cell: ({ redrivenAt }) =>
      redrivenAt === null ? <Badge level="bad">waiting</Badge> : <Badge level="idle">redriven</Badge>,
  },
]

export function DeadLetters() {
  const letters = useSignal<readonly LetterView[] | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const isShowingRedriven = useSignal(false)
  const isCut = useSignal(false)
  const result = useSignal('')
  const access = about.value?.deadLetters

  async function read(signal: AbortSignal): Promise<void> {
    const found: LetterView[] = []
    try {
      for await (const line of lines<LettersLine>('/api/dead-letters', signal)) {
        if (line.type === 'letter') found.push(line.letter)
        if (line.type === 'failure') failure.value = line.failure
        if (line.type === 'end') {
          failure.value = undefined
          isCut.value = line.isCut
        }
      }
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
      failure.value = error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' }
    }
    if (!signal.aborted) letters.value = found
  }
  const stop = useRef(new AbortController())
  const refresh = () => read(stop.current.signal)
  // The console counts the letters. When the number changes, there is something new to show.
  const waiting = summary.value?.deadLetters?.count
  useEffect(() => {
    stop.current = new AbortController()
    if (access) void refresh()
    return () => stop.current.abort()
  }, [access, waiting])

  if (!access) {
    return (
      <>
        <h1>Dead letters</h1>
        <Empty title="This console knows no bucket with dead letters.">
          Set PROCESSED_BUCKET to the bucket of the workers, and start the console again.
        </Empty>
      </>
    )
  }
  const all = letters.value ?? []
  const readable = all.filter(letter => letter.isReadable)
  const redriven = readable.filter(({ redrivenAt }) => redrivenAt !== null)
  const shown = isShowingRedriven.value ? readable : readable.filter(({ redrivenAt }) => redrivenAt === null)
  return (
    <>
      <div class="spread wrap">
        <h1>Dead letters</h1>
        <div class="tools">
          {redriven.length > 0 && (
            <label class="checkbox">
              <input
                type="checkbox"
                checked={isShowingRedriven.value}
                onChange={event => {
                  isShowingRedriven.value = event.currentTarget.checked
                }}
              />
              Show {redriven.length} that were redriven
            </label>
          )}
          <button type="button" onClick={() => void refresh()}>
            Read again
          </button>
        </div>
      </div>
      <p class="lead">
        Records that could not be processed. Fix the cause first, then redrive them: the record is put on the stream
        again.
      </p>
      <p role="status">{result.value}</p>
      {failure.value && <FailureBox failure={failure.value} />}
      {letters.value === undefined && !failure.value && <p class="muted">Reading the dead letters…</p>}
      {letters.value !== undefined && shown.length === 0 && !failure.value && (
        <Empty title="No dead letters wait.">Every record was processed, or is being retried.</Empty>
      )}
      {readable.length < all.length && (
        <p class="muted">{count(all.length - readable.length, 'object')} cannot be read by this version.</p>
      )}
      {isCut.value && (
        <p class="muted">Only the first {all.length} are listed. Use headgate dead-letters for the others.</p>
      )}
      {groupsOf(shown).map(group => (
        <section key={group.code} aria-label={group.code}>
          <div class="spread wrap">
            <h2>
              {group.code} <span class="muted">{group.letters.length}</span>
            </h2>
            <Changes letters={group.letters} result={result} onDone={refresh} />
          </div>
          <Table label={group.code} rows={group.letters} keyOf={({ id }) => id} columns={columns} />
        </section>
      ))}
    </>
  )
}

function groupsOf(letters: readonly ReadableLetter[]): Group[] {
  const byCode = Map.groupBy(letters, ({ code }) => code)
  return Array.from(byCode, ([code, all]) => ({ code, letters: all.toSorted((a, b) => b.failedAt - a.failedAt) })).sort(
    (a, b) => b.letters.length - a.letters.length,
  )
}

type Action = 'redrive' | 'discard'

interface ChangesSettings {
  letters: readonly ReadableLetter[]
  /** Gets a sentence about what was done. The letters, and with them the buttons, may no longer be shown then. */
  result: Signal<string>
  onDone(): Promise<void> | void
}

/** Buttons that redrive or discard dead letters. Each first shows what it does, and to how many. */
export function Changes({ letters, result, onDone }: ChangesSettings) {
  const dialog = useRef<HTMLDialogElement>(null)
  const action = useSignal<Action>('redrive')
  if (!about.value?.allowChanges) return null
  const open = (chosen: Action) => {
    action.value = chosen
    dialog.current?.showModal()
  }
  return (
    <div class="tools">
      <button type="button" onClick={() => open('redrive')}>
        Redrive…
      </button>
      <button type="button" class="danger" onClick={() => open('discard')}>
        Discard…
      </button>
      <dialog ref={dialog} aria-label={action.value === 'redrive' ? 'Redrive dead letters' : 'Discard dead letters'}>
        <Confirmation
          letters={letters}
          action={action.value}
          onClose={() => dialog.current?.close()}
          onResult={async outcomes => {
            result.value = summaryOf(outcomes)
            dialog.current?.close()
            await onDone()
          }}
        />
      </dialog>
    </div>
  )
}

interface ConfirmationSettings {
  letters: readonly ReadableLetter[]
  action: Action
  onClose(): void
  onResult(outcomes: readonly LetterOutcome[]): Promise<void>
}

function Confirmation({ letters, action, onClose, onResult }: ConfirmationSettings) {
  const failure = useSignal<Failure | undefined>(undefined)
  const isRunning = useSignal(false)
  // A redrive leaves out what was redriven before.
  const affected = action === 'redrive' ? letters.filter(({ redrivenAt }) => redrivenAt === null) : letters
  const what = count(affected.length, 'dead letter')

  return (
    <>
      <h2>
        {action === 'redrive' ? 'Redrive' : 'Discard'} {what}?
      </h2>
      <p>
        {action === 'redrive'
          ? `Each record is put on ${about.value?.streamName} again, with its original bytes and partition key. Its upload becomes queued. A record that fails again becomes a new dead letter.`
          : 'The records are deleted and cannot be redriven. Their uploads stay failed. This cannot be undone.'}
      </p>
      <ul class="affected">
        {affected.slice(0, 5).map(({ id, reason }) => (
          <li key={id} class="clip">
            {reason}
          </li>
        ))}
        {affected.length > 5 && <li class="muted">and {affected.length - 5} more</li>}
      </ul>
      {failure.value && <FailureBox failure={failure.value} />}
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class={action === 'redrive' ? 'primary' : 'danger'}
          disabled={isRunning.value || affected.length === 0}
          onClick={() => void run(action, affected, { failure, isRunning, onResult })}
        >
          {action === 'redrive' ? 'Redrive' : 'Discard'} {what}
        </button>
      </div>
    </>
  )
}

interface Run {
  failure: Signal<Failure | undefined>
  isRunning: Signal<boolean>
  onResult(outcomes: readonly LetterOutcome[]): Promise<void>
}

async function run(
  action: Action,
  letters: readonly ReadableLetter[],
  { failure, isRunning, onResult }: Run,
): Promise<void> {
  isRunning.value = true
  failure.value = undefined
  try {
    const body = { ids: letters.map(({ id }) => id) }
    const { outcomes } = await sendJson<{ outcomes: LetterOutcome[] }>('POST', `/api/dead-letters/${action}`, body)
    await onResult(outcomes)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    failure.value = error.failure
  } finally {
    isRunning.value = false
  }
}

function summaryOf(outcomes: readonly LetterOutcome[]): string {
  const byOutcome = Map.groupBy(outcomes, ({ outcome }) => outcome)
  return Array.from(byOutcome, ([outcome, { length, 0: first }]) =>
    outcome === 'failed' ? `${length} failed: ${first?.error}` : `${length} ${outcome}`,
  ).join(', ')
}
